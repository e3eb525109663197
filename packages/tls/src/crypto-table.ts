import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'

/**
 * What the operations of a TLS handshake and of its records cost in the runtime that runs this file. It imports node:crypto
 * and nothing else, so that the same file runs in Node (OpenSSL) and in Bun (BoringSSL):
 *
 *     node packages/tls/src/crypto-table.ts --ms 500
 *     bun packages/tls/src/crypto-table.ts --ms 500
 *
 * It prints a line of JSON per row. A figure is what the call through node:crypto takes, the runtime's own share included: at
 * small sizes that share is most of it.
 */
export interface CryptoRow {
  runtime: 'node' | 'bun'
  runtimeVersion: string
  /** The library below node:crypto. */
  library: string
  operation: 'ecdsa-p256-sign' | 'ecdsa-p256-verify' | 'x25519' | 'aes-128-gcm-seal' | 'aes-256-gcm-seal'
  /** Size of the message. */
  bytes: number
  /** Median of the rounds. */
  nsPerOperation: number
  /** For AES: `bytes` per `nsPerOperation`. */
  bytesPerS?: number
  /** Nanoseconds per operation of each round, in the order in which they ran. */
  rounds: number[]
}

export interface CryptoTableOptions {
  /** Time for one row, in milliseconds, 5 to 60,000; the one before its first round, for warming up, comes on top. Default 500. */
  rowMs?: number
}

/** 16 B is a PING frame and less, 16 KiB is the largest record (RFC 8446, 5.1). */
const sizes = [16, 256, 1024, 16_384, 65_536, 1_048_576]
const roundCount = 5
/** A handshake signs a hash and some 100 bytes around it (RFC 8446, 4.4.3). */
const signedBytes = 130

interface Operation extends Pick<CryptoRow, 'operation' | 'bytes'> {
  run: () => void
}

/**
 * Measures each operation after it has given the right answer. Blocks from one row to the next.
 *
 * @throws RangeError for a `rowMs` out of range, Error where a library gives a wrong answer.
 */
export function* cryptoTable({ rowMs = 500 }: CryptoTableOptions = {}): Generator<CryptoRow> {
  if (!(rowMs >= 5 && rowMs <= 60_000)) throw new RangeError(`rowMs must be from 5 to 60000, not ${rowMs}`)
  for (const { operation, bytes, run } of [...handshakeOperations(), ...recordOperations()]) {
    const rounds = measure(run, rowMs)
    const nsPerOperation = rounds.toSorted((a, b) => a - b)[(roundCount - 1) / 2]!
    const throughput = operation.startsWith('aes') && { bytesPerS: Math.round((bytes / nsPerOperation) * 1e9) }
    yield { ...runtimeOf(process.versions), operation, bytes, nsPerOperation, ...throughput, rounds }
  }
}

function runtimeOf(versions: NodeJS.ProcessVersions): Pick<CryptoRow, 'runtime' | 'runtimeVersion' | 'library'> {
  const { bun, boringssl, openssl } = versions as Record<string, string | undefined>
  return bun === undefined
    ? { runtime: 'node', runtimeVersion: process.version, library: `OpenSSL ${openssl}` }
    : { runtime: 'bun', runtimeVersion: bun, library: `BoringSSL ${boringssl}` }
}

function* handshakeOperations(): Generator<Operation> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const message = Buffer.alloc(signedBytes, 7)
  const signature = sign('sha256', message, privateKey)
  const forged = Buffer.alloc(signedBytes, 8)
  right('ECDSA', verify('sha256', message, publicKey, signature) && !verify('sha256', forged, publicKey, signature))
  yield { operation: 'ecdsa-p256-sign', bytes: signedBytes, run: () => void sign('sha256', message, privateKey) }
  yield {
    operation: 'ecdsa-p256-verify',
    bytes: signedBytes,
    run: () => void verify('sha256', message, publicKey, signature),
  }

  const [alice, bob] = x25519Keys()
  const shared = diffieHellman({ privateKey: alice, publicKey: createPublicKey(bob) })
  // RFC 7748, 6.1.
  right('X25519', shared.toString('hex') === '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')
  const publicBob = createPublicKey(bob)
  yield { operation: 'x25519', bytes: 32, run: () => void diffieHellman({ privateKey: alice, publicKey: publicBob }) }
}

/** The private keys of RFC 7748, 6.1, behind the 16 bytes that PKCS #8 puts before them (RFC 8410, 7). */
function x25519Keys(): [KeyObject, KeyObject] {
  const keyOf = (hex: string): KeyObject => {
    const der = Buffer.from(`302e020100300506032b656e04220420${hex}`, 'hex')
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  }
  return [
    keyOf('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
    keyOf('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
  ]
}

function* recordOperations(): Generator<Operation> {
  // The 16 zero bytes under a zero key and nonce: test cases 2 and 14 of McGrew and Viega, The Galois/Counter Mode (2005).
  const ciphers = [
    ['aes-128-gcm', 16, '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf'],
    ['aes-256-gcm', 32, 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919'],
  ] as const
  for (const [name, keyBytes, expected] of ciphers) {
    const key = Buffer.alloc(keyBytes)
    right(name, Buffer.concat(seal(name, key, Buffer.alloc(12), Buffer.alloc(16))).toString('hex') === expected)
    for (const bytes of sizes) {
      const message = Buffer.alloc(bytes, 7)
      const nonce = Buffer.alloc(12)
      // A nonce is used once (RFC 5116, 3.1): records count theirs up, and so do we.
      const run = (): void => {
        nonce.writeUInt32BE((nonce.readUInt32BE(8) + 1) >>> 0, 8)
        seal(name, key, nonce, message)
      }
      yield { operation: `${name}-seal`, bytes, run }
    }
  }
}

function seal(name: 'aes-128-gcm' | 'aes-256-gcm', key: Buffer, nonce: Buffer, message: Buffer): Buffer[] {
  const cipher = createCipheriv(name, key, nonce)
  return [cipher.update(message), cipher.final(), cipher.getAuthTag()]
}

function right(what: string, answer: boolean): void {
  if (!answer) throw new Error(`${what} gives a wrong answer here: nothing is measured`)
}

/** Nanoseconds per operation of each round; a round that warms up goes before them. */
function measure(run: () => void, rowMs: number): number[] {
  const roundNs = (rowMs * 1e6) / roundCount
  const batch = batchOf(run, roundNs)
  const rounds = Array.from({ length: roundCount + 1 }, () => {
    const start = process.hrtime.bigint()
    let operations = 0
    let elapsedNs = 0
    while (elapsedNs < roundNs) {
      for (let done = 0; done < batch; done++) run()
      operations += batch
      elapsedNs = Number(process.hrtime.bigint() - start)
    }
    return Math.round(elapsedNs / operations)
  })
  return rounds.slice(1)
}

/** So many operations that a look at the clock between two batches costs nothing, and a round is not overrun by much. */
function batchOf(run: () => void, roundNs: number): number {
  for (let batch = 1; ; batch *= 2) {
    const start = process.hrtime.bigint()
    for (let done = 0; done < batch; done++) run()
    if (Number(process.hrtime.bigint() - start) > Math.min(roundNs / 10, 1e6)) return batch
  }
}

if (import.meta.main) {
  const at = process.argv.indexOf('--ms')
  for (const row of cryptoTable(at === -1 ? {} : { rowMs: Number(process.argv[at + 1]) })) {
    process.stdout.write(`${JSON.stringify(row)}\n`)
  }
}
