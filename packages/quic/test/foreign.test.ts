import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { PathEvent } from '@qps/quic'
import { requireProgram } from '@qps/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { quic, serveSurface } from './support.ts'

/** The example client of ngtcp2 and nghttp3: QUIC and HTTP/3 by other people, in another language. */
const client = requireProgram('gtlsclient', 'apt-get install ngtcp2-client')
const run = promisify(execFile)

describe.skipIf(!client.available || !quic.available)(`a client by other people ${client.reason}${quic.reason}`, () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'qps-quic-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  /** @returns the body, as it was written to a file. */
  const ask = async (port: number, path: string, ...options: string[]): Promise<Buffer> => {
    const url = `https://localhost:${port}${path}`
    const standard = [
      '--quiet',
      '--exit-on-all-streams-close',
      '--timeout=5s',
      `--download=${folder}`,
      '--no-quic-dump',
    ]
    await run('gtlsclient', [...standard, ...options, '127.0.0.1', String(port), url], { timeout: 10_000 })
    return readFileSync(join(folder, path === '/' ? 'index.html' : path.slice(1)))
  }

  test('is answered', async () => {
    await using server = await serveSurface()
    expect(String(await ask(server.port, '/plaintext'))).toBe('Hello, World!')
    expect(String(await ask(server.port, '/'))).toMatch(/^\{"status":"ok","ts":\d{13}\}$/)
    expect(server.server.answered).toBe(2)
  })

  test('is answered when it must first show where it is, and when it loses packets', async () => {
    await using server = await serveSurface({ limits: { handshakesFreeMax: 0 } })
    const body = Buffer.alloc(100_000, 'abcdefg')
    writeFileSync(join(folder, 'sent'), body)
    const echoed = await ask(
      server.port,
      '/echo',
      '--http-method=POST',
      `--data=${join(folder, 'sent')}`,
      '--tx-loss=0.05',
      '--rx-loss=0.05',
    )
    expect(echoed.equals(body)).toBe(true)
    expect(server.server.endpoint.retried).toBeGreaterThanOrEqual(1)
  })

  test.each([
    ['moves on purpose, having validated the new path', []],
    ['is moved by a NAT, which tells nobody', ['--nat-rebinding']],
  ])('%s, in the middle of an exchange of half a megabyte', async (_, options) => {
    const seen: PathEvent[] = []
    await using server = await serveSurface({ onPath: (event) => seen.push(event) })
    const body = Buffer.from(
      Uint32Array.from({ length: 125_000 }, (__, index) => Math.imul(index, 2_654_435_761)).buffer,
    )
    writeFileSync(join(folder, 'sent'), body)
    const log = join(folder, 'qlog')
    const echoed = await ask(
      server.port,
      '/echo',
      '--http-method=POST',
      `--data=${join(folder, 'sent')}`,
      '--change-local-addr=2ms',
      `--qlog-file=${log}`,
      ...options,
    )
    expect(echoed.equals(body)).toBe(true)
    expect(seen.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['probed', 'validated', 'migrated']))
    const { before, peer } = seen.find(({ kind }) => kind === 'migrated')!
    expect(peer.port).not.toBe(before!.peer.port)
    // The client's own record of the frames that we only infer: our challenge, and its response.
    const frames = readFileSync(log, 'utf8')
    expect(frames).toMatch(/packet_received.*"frame_type":"path_challenge"/)
    expect(frames).toMatch(/packet_sent.*"frame_type":"path_response"/)
  })
})
