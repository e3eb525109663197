import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { probe } from '@qps/netpoll'
import { startSteadyClients } from '@qps/testkit'
import { expect, test } from 'vitest'

const entry = fileURLToPath(new URL('restart-server.ts', import.meta.url))

for (const [backend, restarts] of [
  ['io_uring', 10],
  ['epoll', 5],
] as const) {
  const why = probe()[backend]
  test.skipIf(why !== undefined)(`${restarts} restarts of ${backend} under load lose no request`, async () => {
    const running: ChildProcess[] = []
    const start = async (port: number): Promise<number> => {
      const child = fork(entry, [backend, String(port)], { execArgv: ['--conditions=@qps/source'] })
      running.push(child)
      const [listeningOn] = (await once(child, 'message')) as [number]
      return listeningOn
    }
    const stop = async (child: ChildProcess): Promise<unknown> => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      return (await ended)[0]
    }
    try {
      const port = await start(0)
      const clients = startSteadyClients(port, 8, 1)
      const codes: unknown[] = []
      for (let count = 0; count < restarts; count++) {
        await start(port)
        codes.push(await stop(running.shift()!))
      }
      codes.push(await stop(running.shift()!))
      const { answered, lost, toldToClose } = await clients.done
      expect(codes).toEqual(codes.map(() => 0))
      expect(lost).toBe(0)
      expect(answered).toBeGreaterThan(100 * restarts)
      expect(toldToClose).toBeGreaterThan(restarts)
    } finally {
      for (const child of running) child.kill('SIGKILL')
    }
  })
}
