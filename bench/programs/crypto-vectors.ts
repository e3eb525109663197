import { ecdsaSign, ecdsaVerify, seal, x25519 } from './crypto-operations.ts'

/** An answer that somebody else has published. */
export interface CryptoVector {
  name: string
  compute: () => string
  expected: string
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex')

const gcmKey = 'feffe9928665731c6d6a8f9467308308'
const gcmNonce = 'cafebabefacedbaddecaf888'
const gcmMessage =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255'

/** RFC 6979, A.2.5: the message `sample` with SHA-256. */
const sample = Buffer.from('sample')
const sampleSignature =
  'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
  'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8'

/** Published answers to what is measured: a library that gives others is not worth a figure. */
export const cryptoVectors: readonly CryptoVector[] = [
  {
    name: 'AES-128-GCM: McGrew and Viega, The Galois/Counter Mode of Operation (2005), test case 3',
    compute: () => sealed('aes-128-gcm', gcmKey),
    expected:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
      '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985' +
      '4d5c2af327cd64a62cf35abd2ba6fab4',
  },
  {
    name: 'AES-256-GCM: the same, test case 15',
    compute: () => sealed('aes-256-gcm', gcmKey + gcmKey),
    expected:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad' +
      'b094dac5d93471bdec1a502270e3cc6c',
  },
  {
    name: 'X25519: RFC 7748, 6.1',
    compute: () =>
      x25519(
        hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
        hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
      ).toString('hex'),
    expected: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
  },
  {
    name: 'ECDSA over P-256: RFC 6979, A.2.5, is verified, and nothing else is',
    compute: () => {
      const forged = hex(sampleSignature)
      forged[63]! ^= 1
      const signatures = [hex(sampleSignature), forged]
      const messages = [sample, Buffer.from('Sample')]
      return messages
        .flatMap((message) => signatures.map((signature) => ecdsaVerify(message, signature, 'ieee-p1363')))
        .join(' ')
    },
    expected: 'true false false false',
  },
  {
    name: 'ECDSA over P-256: what is signed is verified',
    compute: () => String(ecdsaVerify(sample, ecdsaSign(sample))),
    expected: 'true',
  },
]

function sealed(cipher: 'aes-128-gcm' | 'aes-256-gcm', key: string): string {
  return Buffer.concat(seal(cipher, hex(key), hex(gcmNonce), hex(gcmMessage))).toString('hex')
}

/** @returns the first vector whose answer is another, in words; undefined where all are right. */
export function wrongVector(vectors: readonly CryptoVector[] = cryptoVectors): string | undefined {
  for (const { name, compute, expected } of vectors) {
    const found = compute()
    if (found !== expected) return `${name}: the answer here is ${found}`
  }
  return undefined
}
