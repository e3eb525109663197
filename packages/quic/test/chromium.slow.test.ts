import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireProgram } from '@qps/testkit'
import { expect, test } from 'vitest'
import { credentials, quic, serveSurface } from './support.ts'

const chromium = requireProgram('chromium', 'apt-get install chromium')
const run = promisify(execFile)

/** What Chromium calls a certificate by: the hash of its public key. */
function keyHash(cert: string): string {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

test.skipIf(!chromium.available || !quic.available)(
  `Chromium shows what it was told over HTTP/3, and nothing else was open to it ${chromium.reason}${quic.reason}`,
  async () => {
    const asked: unknown[][] = []
    await using server = await serveSurface({ onRequestDone: (...facts) => asked.push(facts) })
    const profile = mkdtempSync(join(tmpdir(), 'qps-chromium-'))
    try {
      const options = [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        `--user-data-dir=${profile}`,
        '--enable-quic',
        `--origin-to-force-quic-on=${server.address}`,
        `--ignore-certificate-errors-spki-list=${keyHash(credentials.cert)}`,
        '--dump-dom',
      ]
      const { stdout } = await run('chromium', [...options, `https://${server.address}/plaintext`], { timeout: 45_000 })
      expect(stdout).toContain('Hello, World!')
      expect(asked[0]!.slice(0, 3)).toEqual(['GET', '/plaintext', 200])
    } finally {
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    }
  },
)
