import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { cryptoTable, type CryptoRow } from '../src/crypto-table.ts'

const program = fileURLToPath(new URL('../src/crypto-table.ts', import.meta.url))
const bun = fileURLToPath(new URL('../../../node_modules/@oven/bun-linux-x64/bin/bun', import.meta.url))
const sizes = [16, 256, 1024, 16_384, 65_536, 1_048_576]

async function rowsOf(runtime: string): Promise<CryptoRow[]> {
  const { stdout } = await promisify(execFile)(runtime, [program, '--ms', '5'], { timeout: 50_000 })
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CryptoRow)
}

function expectWhole(rows: CryptoRow[]): void {
  const aes = (operation: string): [string, number][] => sizes.map((bytes) => [operation, bytes])
  expect(rows.map(({ operation, bytes }) => [operation, bytes])).toEqual([
    ['ecdsa-p256-sign', 130],
    ['ecdsa-p256-verify', 130],
    ['x25519', 32],
    ...aes('aes-128-gcm-seal'),
    ...aes('aes-256-gcm-seal'),
  ])
  for (const { nsPerOperation, bytesPerS, bytes, operation, rounds } of rows) {
    expect(rounds).toHaveLength(5)
    expect(rounds.filter((ns) => ns < nsPerOperation).length).toBeLessThanOrEqual(2)
    expect(rounds.filter((ns) => ns > nsPerOperation).length).toBeLessThanOrEqual(2)
    expect(nsPerOperation).toBeGreaterThan(0)
    expect(bytesPerS).toBe(operation.startsWith('aes') ? Math.round((bytes / nsPerOperation) * 1e9) : undefined)
  }
}

test('in Node, over OpenSSL', { timeout: 60_000 }, async () => {
  const rows = await rowsOf(process.execPath)
  expectWhole(rows)
  const { runtime, runtimeVersion, library } = rows[0]!
  expect([runtime, runtimeVersion, library]).toEqual(['node', process.version, `OpenSSL ${process.versions.openssl}`])
})

test.skipIf(!existsSync(bun))(
  'the same file in Bun, over BoringSSL (needs @oven/bun-linux-x64: npm ci)',
  { timeout: 60_000 },
  async () => {
    const rows = await rowsOf(bun)
    expectWhole(rows)
    expect(rows[0]).toMatchObject({ runtime: 'bun', library: expect.stringMatching(/^BoringSSL [\da-f]+$/) })
  },
)

test('a time out of range is refused', () => {
  for (const rowMs of [0, 60_001, Number.NaN]) expect(() => [...cryptoTable({ rowMs })]).toThrow(RangeError)
})
