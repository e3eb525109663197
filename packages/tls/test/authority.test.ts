import { execFileSync } from 'node:child_process'
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@qps/core'
import { requireProgram } from '@qps/testkit'
import { createAuthority } from '@qps/tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const dayMs = 86_400_000
const openssl = requireProgram('openssl', 'apt-get install openssl')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qps-authority-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a leaf names its hosts, is signed by the authority, and may serve only', () => {
  const clock = new ManualClock(Date.UTC(2026, 2, 1))
  const authority = createAuthority({ clock, name: 'Test authority' })
  const hosts = ['localhost', '*.example.test', '127.0.0.1', '::1', '2001:db8::ffff:7f00:1', '::ffff:10.0.0.1']
  const issued = authority.issue({ hosts })
  const [root, leaf] = [new X509Certificate(authority.cert), new X509Certificate(issued.cert)]

  expect(root.subject).toBe('CN=Test authority')
  expect([root.ca, leaf.ca]).toEqual([true, false])
  expect(root.verify(root.publicKey)).toBe(true)
  expect(leaf.verify(root.publicKey)).toBe(true)
  expect(leaf.checkIssued(root)).toBe(true)
  expect(leaf.checkPrivateKey(keyOf(issued.key))).toBe(true)
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  expect(leaf.validFromDate.getTime()).toBe(clock.wallMs() - 5 * 60_000)
  expect(leaf.validToDate.getTime()).toBe(clock.wallMs() - 5 * 60_000 + 30 * dayMs)
  expect(leaf.checkHost('localhost')).toBe('localhost')
  expect(leaf.checkHost('api.example.test')).toBe('*.example.test')
  expect(leaf.checkHost('other.test')).toBeUndefined()
  for (const address of ['127.0.0.1', '::1', '2001:db8::ffff:7f00:1', '::ffff:10.0.0.1']) {
    expect(leaf.checkIP(address), address).toBe(address)
  }
  expect(leaf.checkIP('127.0.0.2')).toBeUndefined()
})

test('serial numbers differ, are positive and have 16 bytes', () => {
  const authority = createAuthority()
  const serials = Array.from({ length: 20 }, () => {
    return new X509Certificate(authority.issue({ hosts: ['localhost'] }).cert).serialNumber
  })
  expect(new Set(serials).size).toBe(20)
  for (const serial of serials) expect(serial).toMatch(/^[4-7][\dA-F]{31}$/)
})

test('a leaf does not outlive its authority, and years from 2050 on are written in full', () => {
  const clock = new ManualClock(Date.UTC(2049, 11, 31))
  const authority = createAuthority({ clock, validDays: 3 })
  const leaf = new X509Certificate(authority.issue({ hosts: ['localhost'], validDays: 30 }).cert)
  expect(leaf.validToDate.toISOString()).toBe('2050-01-03T00:00:00.000Z')
})

test.each([
  [['']],
  [[]],
  [['a b']],
  [['-a.test']],
  [['a.*.test']],
  [['bücher.test']],
  [['fe80::1%eth0']],
  [['localhost:80']],
  [['a\0.test']],
  [[`${'a'.repeat(64)}.test`]],
  [Array.from({ length: 101 }, () => 'localhost')],
  [[17]],
])('hosts %j are refused', (hosts) => {
  expect(() => createAuthority().issue({ hosts: hosts as string[] })).toThrow(
    expect.objectContaining({ code: 'QPS_OPTION', message: expect.stringContaining('hosts') }),
  )
})

test('a name that a reader would have to escape is refused', () => {
  for (const name of ['', 'a, b', 'a\nb', 'a'.repeat(65)]) {
    expect(() => createAuthority({ name }), name).toThrow('name must be')
  }
})

describe('in a folder', () => {
  test('it is found again, its files are for the owner alone, and nothing else is left there', () => {
    const directory = join(folder, 'deep', 'authority')
    const first = createAuthority({ directory })
    const files = first.issueFiles('server', { hosts: ['localhost'] })
    const again = createAuthority({ directory })
    expect(again.cert).toBe(first.cert)
    expect(readFileSync(join(directory, 'authority.pem'), 'utf8')).toBe(first.cert)
    expect(readdirSync(directory).toSorted()).toEqual(['authority.key', 'authority.pem', 'server.key', 'server.pem'])
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600)
    const leaf = new X509Certificate(readFileSync(files.certFile))
    expect(leaf.checkPrivateKey(keyOf(readFileSync(files.keyFile, 'utf8')))).toBe(true)
    expect(leaf.verify(new X509Certificate(again.cert).publicKey)).toBe(true)
  })

  test('a name with a folder in it is refused, and so is the name of the authority itself', () => {
    const authority = createAuthority({ directory: folder })
    for (const file of ['../server', 'a/b', '', 'authority', 'a.b']) {
      expect(() => authority.issueFiles(file, { hosts: ['localhost'] }), file).toThrow('file must be')
    }
    expect(() => createAuthority().issueFiles('server', { hosts: ['localhost'] })).toThrow('has no folder')
  })

  test('a key that others may read, a broken file and an authority that has ended are refused', () => {
    const key = join(folder, 'authority.key')
    const clock = new ManualClock()
    createAuthority({ directory: folder, clock, validDays: 1 })
    clock.advance(2 * dayMs)
    expect(() => createAuthority({ directory: folder, clock })).toThrow(
      expect.objectContaining({ code: 'QPS_TLS_VALIDITY' }),
    )
    chmodSync(key, 0o644)
    expect(() => createAuthority({ directory: folder })).toThrow(expect.objectContaining({ code: 'QPS_TLS_KEY_MODE' }))
    const { key: leafKey, cert } = createAuthority().issue({ hosts: ['localhost'] })
    writeFileSync(key, leafKey + cert)
    chmodSync(key, 0o600)
    expect(() => createAuthority({ directory: folder })).toThrow('not one of an authority')
    writeFileSync(key, 'nothing')
    expect(() => createAuthority({ directory: folder })).toThrow(
      expect.objectContaining({ code: 'QPS_TLS_CERTIFICATE' }),
    )
  })
})

describe.skipIf(!openssl.available)('OpenSSL agrees', () => {
  test('verify accepts the leaf for its hosts, strictly, and for no other', () => {
    const authority = createAuthority({ directory: folder })
    const { certFile } = authority.issueFiles('server', { hosts: ['localhost', '127.0.0.1'] })
    const verify = (...more: string[]): string =>
      execFileSync(
        'openssl',
        [
          'verify',
          '-x509_strict',
          '-purpose',
          'sslserver',
          '-CAfile',
          join(folder, 'authority.pem'),
          ...more,
          certFile,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      )
    expect(verify('-verify_hostname', 'localhost')).toContain('OK')
    expect(verify('-verify_ip', '127.0.0.1')).toContain('OK')
    expect(() => verify('-verify_hostname', 'other.test')).toThrow('hostname mismatch')
  })

  test('its reading of the DER is what was meant', () => {
    const { cert } = createAuthority({ name: 'Reading' })
    const text = execFileSync('openssl', ['x509', '-noout', '-text'], { input: cert, encoding: 'utf8' })
    expect(text).toContain('Version: 3 (0x2)')
    expect(text).toContain('Signature Algorithm: ecdsa-with-SHA256')
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/)
  })
})

function keyOf(pem: string): KeyObject {
  return createPrivateKey(pem)
}
