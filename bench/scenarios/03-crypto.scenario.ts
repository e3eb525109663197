import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

const messageBytes = [16, 256, 1024, 16_384, 262_144, 1_048_576]
/** What is signed in a handshake, and a public key: these sizes are the protocol's. */
const handshake: Inputs[] = [
  { operation: 'ecdsa-p256-sign', bytes: 130 },
  { operation: 'ecdsa-p256-verify', bytes: 130 },
  { operation: 'x25519', bytes: 32 },
]
const records = ['aes-128-gcm', 'aes-256-gcm'].flatMap((operation) =>
  messageBytes.map((bytes): Inputs => ({ operation, bytes })),
)
/** The largest record of TLS (RFC 8446, 5.1): what a long answer is cut into. */
const isRecord = ({ operation, bytes }: Inputs): boolean => operation === 'aes-128-gcm' && bytes === 16_384

const sign = { measure: 'cpuUsPerOperation', at: { operation: 'ecdsa-p256-sign', bytes: 130 } } as const
const seal = { measure: 'megabytesPerSecond' } as const

/**
 * Question: what do a handshake's and a record's cryptography cost in Node, over OpenSSL, and in Bun, over BoringSSL?
 *
 * Claims: 2.5c (ECDSA P-256 from 120 µs to 45 µs and AES-GCM from 1.8 to 3.4 GB/s with BoringCrypto).
 *
 * Method: one script for both runtimes, through node:crypto; what the runtime adds to a call is part of the figure.
 */
export const crypto: ProgramScenario = {
  name: '03-crypto',
  question:
    "What do the operations of a handshake and of TLS's records cost over OpenSSL, in Node, and over BoringSSL, in Bun?",
  claims: ['2.5c'],
  method:
    'The same script in both runtimes, through node:crypto and on one thread. It gives the published answers first. Then one ' +
    'operation again and again: ECDSA over P-256 signs and verifies 130 bytes, X25519 agrees on a secret with parsed keys, ' +
    'AES-GCM seals a message under a new nonce and gives its tag. Garbage that the runtime collects meanwhile counts. CPU of ' +
    'the process tree, from the operating system; operations and bytes per second by the clock.',
  program: {
    settings: {},
    warmupS: 0.5,
    durationS: 2,
    gives: {
      cpuUsPerOperation: 'cpuUsPerRequest',
      operationsPerSecond: 'achievedQps',
      megabytesPerSecond: 'figures.megabytesPerSecond',
    },
  },
  sweep: [...handshake, ...records].map((inputs) => ({ inputs, headline: isRecord(inputs) })),
  variants: [programVariant('node', 'crypto')],
  peers: ['bun-crypto'],
  decidedBy: 'cpuUsPerOperation',
  expectations: [
    { claim: '2.5c', says: 'OpenSSL signs in 120 µs', ...sign, variant: 'node', atMost: 120 },
    { claim: '2.5c', says: 'BoringSSL signs in 45 µs', ...sign, variant: 'bun-crypto', atMost: 45 },
    {
      claim: '2.5c',
      says: 'BoringSSL signs for less than OpenSSL',
      ...sign,
      variant: 'bun-crypto',
      versus: 'node',
      direction: 'lower',
    },
    { claim: '2.5c', says: 'OpenSSL seals records at 1.8 GB/s', ...seal, variant: 'node', atLeast: 1800 },
    { claim: '2.5c', says: 'BoringSSL seals records at 3.4 GB/s', ...seal, variant: 'bun-crypto', atLeast: 3400 },
    {
      claim: '2.5c',
      says: 'BoringSSL seals records faster than OpenSSL',
      ...seal,
      variant: 'bun-crypto',
      versus: 'node',
      direction: 'higher',
    },
  ],
}
