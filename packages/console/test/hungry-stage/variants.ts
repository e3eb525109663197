import type { StartVariant } from '@qps/console'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the functions make ends here, so that nobody finds out that it is not needed. */
export const sink: { value: unknown } = { value: undefined }

function makesGarbageForEachRequest(): void {
  for (let index = 0; index < 2_000; index++) sink.value = { index, half: index / 2, next: { index } }
}

function computesForEachRequest(): void {
  let sum = 0
  for (let index = 0; index < 200_000; index++) sum = (sum * 31 + index) % 1_000_003
  sink.value = sum
}

function starting(work: () => void): StartVariant {
  return async ({ host, port }) => {
    const server = createServer((_request, response) => {
      work()
      response.end('fed')
    })
    await new Promise<void>((ready) => server.listen(port, host, ready))
    return {
      url: `http://${host}:${(server.address() as AddressInfo).port}`,
      connections: () => 0,
      async drain() {
        server.close()
        server.closeAllConnections()
        return { completed: 0, dropped: 0, ms: 0 }
      },
    }
  }
}

export const variants: Record<string, StartVariant> = {
  allocates: starting(makesGarbageForEachRequest),
  computes: starting(computesForEachRequest),
}
