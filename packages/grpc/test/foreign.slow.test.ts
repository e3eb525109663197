import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GrpcLimits } from '@qps/grpc'
import { createAuthority, secureContextOptions } from '@qps/tls'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { interopCases } from './interop/cases.ts'
import type { InteropClient } from './interop/client.ts'
import {
  buildTimeoutMs,
  type ForeignServer,
  foreignPeers,
  type Prepared,
  runForeignClient,
  startForeignServer,
} from './interop/foreign.ts'
import { ourClient } from './interop/our-client.ts'
import { startOurServer } from './interop/our-server.ts'
import { interopService, testService } from './interop/service.ts'

/** How the two talk. */
interface Way {
  way: string
  tls?: true
  gzip?: true
  limits?: Partial<GrpcLimits>
}
/** What is sent in these cases is zeros, which gzip packs tighter than `inflateRatioMax` lets pass. */
const packed = { gzip: true, limits: { inflateRatioMax: 1100 } } as const
const ways: Way[] = [{ way: 'in cleartext' }, { way: 'over TLS', tls: true }, { way: 'where it sends gzip', ...packed }]
/** Our server has a second transport. */
const serverWays: (Way & { onNetpoll?: true })[] = [
  ...ways,
  { way: 'over the engine', onNetpoll: true },
  { way: 'over the engine, where it sends gzip', onNetpoll: true, ...packed },
]

const authority = createAuthority()
const pair = authority.issue({ hosts: ['127.0.0.1'] })
const files = { ca: '', cert: '', key: '' }
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'qps-interop-'))
  for (const [name, text] of Object.entries({ ca: authority.cert, ...pair })) {
    files[name as keyof typeof files] = join(folder, `${name}.pem`)
    writeFileSync(join(folder, `${name}.pem`), text, { mode: 0o600 })
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Header sections that pass through node:http2 in this process, as encodings of what the peer sends. */
function watchEncodings(side: 'client.stream.finish' | 'server.stream.start'): { seen: Set<unknown> } & Disposable {
  const seen = new Set<unknown>()
  const onHeaders = (message: unknown): void => {
    const { headers } = message as { headers: Record<string, unknown> }
    // Trailers alone carry no message, and need not name an encoding.
    if (headers['grpc-status'] === undefined) seen.add(headers['grpc-encoding'])
  }
  subscribe(`http2.${side}`, onHeaders)
  return { seen, [Symbol.dispose]: () => void unsubscribe(`http2.${side}`, onHeaders) }
}

describe.each(foreignPeers)('$name', ({ prepare }) => {
  let prepared: Prepared
  beforeAll(async () => {
    prepared = await prepare()
  }, buildTimeoutMs + 10_000)

  /** The command of a role, or the end of this test. */
  function commandOf(role: 'client' | 'server', context?: TestContext): string[] | undefined {
    if ('command' in prepared) return prepared.command(role)
    if (process.env['REAL_SERVICES'] === 'required') throw new Error(prepared.reason)
    context?.skip(prepared.reason)
    return undefined
  }

  describe.each(ways)('as the server of our client, $way', ({ tls, gzip, limits }) => {
    let server: ForeignServer | undefined
    let client: InteropClient | undefined
    let encodings: ReturnType<typeof watchEncodings>

    beforeAll(async () => {
      const command = commandOf('server')
      if (command === undefined) return
      const secure = tls ? ['--cert', files.cert, '--key', files.key] : []
      server = await startForeignServer([...command, ...secure, ...(gzip ? ['--gzip'] : [])])
      client = ourClient(server.port, { ...(limits && { limits }), ...(tls && { tls: { ca: authority.cert } }) })
      encodings = watchEncodings('client.stream.finish')
    })
    afterAll(async () => {
      encodings?.[Symbol.dispose]()
      await client?.close()
      await server?.[Symbol.asyncDispose]()
    })

    test.for(interopCases)('$name', async ({ run }, context) => {
      commandOf('server', context)
      await run(client!)
    })

    test('its replies say how they are packed', (context) => {
      commandOf('server', context)
      expect(encodings.seen.has('gzip')).toBe(gzip === true)
    })
  })

  describe.each(serverWays)('as the client of our server, $way', ({ tls, gzip, limits, onNetpoll }) => {
    let lineOf: ((name: string) => string) | undefined
    let seen: Set<unknown>

    beforeAll(async () => {
      const command = commandOf('client')
      if (command === undefined) return
      const server = await startOurServer(testService, interopService, {
        ...(limits && { limits }),
        ...(tls && { tls: secureContextOptions({ ...pair, alpn: ['h2'] }) }),
        ...(onNetpoll && { onNetpoll }),
      })
      using encodings = watchEncodings('server.stream.start')
      seen = encodings.seen
      const options = ['--port', String(server.port), ...(tls ? ['--ca', files.ca] : []), ...(gzip ? ['--gzip'] : [])]
      lineOf = await runForeignClient([...command, ...options])
      await server.close()
    }, 60_000)

    test.for(interopCases)('$name', ({ name }, context) => {
      commandOf('client', context)
      expect(lineOf!(name)).toBe(`ok ${name}`)
    })

    // The engine tells no channel of node:http2.
    if (onNetpoll) return
    test('its requests say how they are packed', (context) => {
      commandOf('client', context)
      expect(seen.has('gzip')).toBe(gzip === true)
    })
  })
})
