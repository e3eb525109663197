import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quicAvailability, serveHttp3, surfaceHandler } from '@qps/quic'
import { createAuthority } from '@qps/tls'
import { describe, expect, test } from 'vitest'

const command = fileURLToPath(new URL('../src/commands/load.ts', import.meta.url))
const quic = quicAvailability()

interface Ended {
  code: number
  out: string
  err: string
}

/** What `npm run load -- …` does, from sources. */
function load(argv: readonly string[], flags: readonly string[] = []): Promise<Ended> {
  return new Promise((resolve) => {
    const parameters = [...flags, '--conditions=@qps/source', command, ...argv]
    const child = execFile(process.execPath, parameters, { timeout: 30_000 }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    )
  })
}

describe.skipIf(!quic.available)(`npm run load -- --protocol h3 ${quic.reason}`, () => {
  const authority = createAuthority()
  const serve = () => serveHttp3({ port: 0, ...authority.issue({ hosts: ['127.0.0.1'] }) }, surfaceHandler)
  const shape = ['--protocol', 'h3', '-c', '2', '-d', '0.3', '--json']

  test('loads a server, trusted by its authority or as anybody, in a closed and in an open loop', async () => {
    await using server = await serve()
    const folder = mkdtempSync(join(tmpdir(), 'qps-load-'))
    const file = join(folder, 'authority.pem')
    writeFileSync(file, authority.cert)
    const url = `https://${server.address}/`
    const [closed, open] = await Promise.all([
      load([url, ...shape, '--pipeline', '4', '--cacert', file]),
      load([url, ...shape, '--rate', '100', '--threads', '2', '--insecure']),
    ]).finally(() => rmSync(folder, { recursive: true }))
    for (const { code, err } of [closed, open]) expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(closed.out)).toMatchObject({
      event: 'load',
      protocol: 'h3',
      transport: 'quiche',
      pipeline: 4,
      errors: 0,
      offeredQps: null,
    })
    expect(JSON.parse(open.out)).toMatchObject({ threads: 2, requests: 30, errors: 0, status: { 200: 30 } })
  })

  test('says as a text what several requests on a connection are', async () => {
    await using server = await serve()
    const { out } = await load([`https://${server.address}/`, ...shape.slice(0, -1), '--pipeline', '3', '--insecure'])
    expect(out).toContain('2 connections, 3 streams each of HTTP/3')
  })

  test('who is not trusted, or not there, is told in one event, with what to do', async () => {
    const server = await serve()
    const url = `https://${server.address}/`
    const strange = await load([url, ...shape])
    await server.drain(0)
    const gone = await load([url, ...shape, '--insecure'])
    for (const [ended, what, hint] of [
      [strange, 'not trusted', '--cacert FILE'],
      [gone, 'nobody listens on the UDP port', 'npm run stage:3'],
    ] as const) {
      expect([ended.code, JSON.parse(ended.out)]).toMatchObject([
        1,
        {
          event: 'error',
          code: 'QPS_UNREACHABLE',
          message: expect.stringContaining(what) as string,
          hint: expect.stringContaining(hint) as string,
        },
      ])
    }
  })
})

test('HTTP/3 is asked for over https:// only', async () => {
  const { code, err } = await load(['http://127.0.0.1:1/', '--protocol', 'h3'])
  expect([code, err]).toEqual([2, expect.stringContaining('url must begin with https:// with h3')])
})

test('a protocol that is none is refused with those that are', async () => {
  const { code, err } = await load(['http://127.0.0.1:1/', '--protocol', 'h4'])
  expect([code, err]).toEqual([2, 'QPS_USAGE: --protocol h4 is not known; use one of h1, h2, h3, grpc\n'])
})

test('where quiche is not installed, HTTP/3 says so with the line that installs it, and HTTP/1.1 does not notice', async () => {
  const hide = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name.startsWith('@matrixai/')) throw new Error('Cannot find module ' + name)
      return next(name, context)
    } })`
  const without = ['--import', `data:text/javascript,${encodeURIComponent(hide)}`]
  const [http3, http1] = await Promise.all([
    load(['https://127.0.0.1:1/', '--protocol', 'h3', '--json'], without),
    load(['http://127.0.0.1:1/', '--json'], without),
  ])
  expect([http3.code, JSON.parse(http3.out)]).toMatchObject([
    3,
    { code: 'QPS_PART_MISSING', hint: expect.stringContaining('npm install --no-save @matrixai/quic-') as string },
  ])
  expect([http1.code, JSON.parse(http1.out)]).toMatchObject([1, { code: 'QPS_UNREACHABLE' }])
})
