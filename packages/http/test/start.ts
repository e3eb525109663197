import { createHardenedServer, type HardenedOptions, type HardenedServer, listen } from '@qps/http'

export interface Started extends AsyncDisposable, HardenedServer {
  url: string
  port: number
}

/** A hardened server on a free port; its disposal drains it in no time. */
export async function startHardened(options: HardenedOptions = {}): Promise<Started> {
  const hardened = await createHardenedServer({ logLevel: 'silent', ...options })
  const url = await listen(hardened.server, { host: '127.0.0.1', port: 0 })
  return {
    ...hardened,
    url,
    port: Number(new URL(url).port),
    [Symbol.asyncDispose]: async () => {
      if (hardened.server.listening) await hardened.drain(0)
    },
  }
}
