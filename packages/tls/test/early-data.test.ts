import { execFile } from 'node:child_process'
import { constants } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { requireProgram } from '@qps/testkit'
import { secureContextOptions } from '@qps/tls'
import { expect, test } from 'vitest'
import { listen, localhost } from './handshakes.ts'

const openssl = requireProgram('openssl', 'apt-get install openssl')

test('node:tls has nothing for early data: no call, no option, no constant', () => {
  const names = new Set<string>()
  for (const start of [tls, tls.TLSSocket.prototype, tls.Server.prototype, constants]) {
    for (let each: object | null = start; each; each = Object.getPrototypeOf(each) as object | null) {
      for (const name of Object.getOwnPropertyNames(each)) names.add(name)
    }
  }
  expect(names).toContain('getTicketKeys')
  expect([...names].filter((name) => /early.?data|0.?rtt|zero.?rtt/i.test(name))).toEqual([])
})

test.skipIf(!openssl.available)(
  'tickets of a server allow no early data, and a client that wants to send some cannot',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qps-early-'))
    try {
      await using listening = await listen(secureContextOptions(localhost))
      const [session, data] = [join(folder, 'session'), join(folder, 'data')]
      writeFileSync(data, 'too early')
      const client = (...more: string[]): Promise<string> => sClient(listening.port, more)
      expect(await client('-sess_out', session)).toMatch(/Max Early Data: 0\b/)
      const second = await client('-sess_in', session, '-early_data', data)
      expect(second).toContain('Reused, TLSv1.3')
      expect(second).toContain('Early data was not sent')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

/** All that `openssl s_client` prints until the server ends the connection. */
function sClient(port: number, more: string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_3', ...more]
  const child = execFile('openssl', args, { timeout: 10_000 }, (error, stdout, stderr) => {
    if (error && stdout === '') reject(error)
    else resolve(stdout + stderr)
  })
  child.on('exit', () => child.stdin?.destroy())
  return promise
}
