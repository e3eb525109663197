import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign,
  verify,
  type webcrypto,
} from 'node:crypto'

/** What TLS spends its time on: three operations of a handshake, two of its records. */
export const cryptoOperations = [
  'ecdsa-p256-sign',
  'ecdsa-p256-verify',
  'x25519',
  'aes-128-gcm',
  'aes-256-gcm',
] as const
export type CryptoOperation = (typeof cryptoOperations)[number]
export type Cipher = 'aes-128-gcm' | 'aes-256-gcm'

/** What a server signs in its handshake: 64 spaces, a context of 33 bytes, a zero and a hash (RFC 8446, 4.4.3). */
export const signedBytes = 130
/** A public key of X25519 (RFC 7748, 5). */
export const keyBytes = 32
/** The key of a cipher. */
const keyBytesOf: Readonly<Record<Cipher, number>> = { 'aes-128-gcm': 16, 'aes-256-gcm': 32 }

/**
 * Makes one operation ready to be measured, its keys parsed and its message there.
 *
 * It uses node:crypto alone, so that the same code asks OpenSSL in Node and BoringSSL in Bun: a figure is what a program gets,
 * the runtime's share of a call included.
 *
 * @param bytes size of the message; the handshake's operations have their own.
 * @returns does it once.
 */
export function operationOf(name: CryptoOperation, bytes: number): () => void {
  switch (name) {
    case 'ecdsa-p256-sign': {
      const message = Buffer.alloc(signedBytes, 7)
      return () => void ecdsaSign(message)
    }
    case 'ecdsa-p256-verify': {
      const message = Buffer.alloc(signedBytes, 7)
      const signature = ecdsaSign(message)
      return () => void verify('sha256', message, publicKey, signature)
    }
    case 'x25519': {
      const [own, peers] = [x25519Private(Buffer.alloc(keyBytes, 7)), x25519Private(Buffer.alloc(keyBytes, 8))]
      const publicKey = createPublicKey(peers)
      return () => void diffieHellman({ privateKey: own, publicKey })
    }
    case 'aes-128-gcm':
    case 'aes-256-gcm':
      return sealing(name, bytes)
  }
}

/** A nonce is used once with a key (RFC 5116, 3.1): TLS counts its records, and so does this. */
function sealing(cipher: Cipher, bytes: number): () => void {
  const key = Buffer.alloc(keyBytesOf[cipher], 7)
  const message = Buffer.alloc(bytes, 7)
  const nonce = Buffer.alloc(12)
  let count = 0
  return () => {
    nonce.writeUInt32BE((count = (count + 1) >>> 0), 8)
    seal(cipher, key, nonce, message)
  }
}

/** @returns the pieces of the sealed message; the last one is its tag of 16 bytes. */
export function seal(cipher: Cipher, key: Uint8Array, nonce: Uint8Array, message: Uint8Array): Buffer[] {
  const sealing = createCipheriv(cipher, key, nonce)
  return [sealing.update(message), sealing.final(), sealing.getAuthTag()]
}

/** ECDSA over P-256 and SHA-256 with {@link ecdsaKey}. @returns a signature in DER, as TLS has it. */
export function ecdsaSign(message: Uint8Array): Buffer {
  return sign('sha256', message, privateKey)
}

/** @param dsaEncoding how the signature is written; `ieee-p1363` is r and s, 32 bytes each. */
export function ecdsaVerify(
  message: Uint8Array,
  signature: Uint8Array,
  dsaEncoding: 'der' | 'ieee-p1363' = 'der',
): boolean {
  return verify('sha256', message, { key: publicKey, dsaEncoding }, signature)
}

/** The key pair of RFC 6979, A.2.5. */
const ecdsaKey = {
  x: '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
  y: '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
  d: 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721',
}
const privateKey = createPrivateKey({ format: 'jwk', key: p256(['x', 'y', 'd']) })
const publicKey = createPublicKey({ format: 'jwk', key: p256(['x', 'y']) })

function p256(parts: (keyof typeof ecdsaKey)[]): webcrypto.JsonWebKey {
  const encoded = parts.map((part) => [part, Buffer.from(ecdsaKey[part], 'hex').toString('base64url')])
  return { kty: 'EC', crv: 'P-256', ...Object.fromEntries(encoded) }
}

/** @param scalar 32 bytes. */
export function x25519Private(scalar: Uint8Array): KeyObject {
  // What PKCS #8 has before the scalar of X25519 (RFC 8410, 7).
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex')
  return createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([head, scalar]) })
}

/** What both sides get of one's scalar and the other's. */
export function x25519(own: Uint8Array, peers: Uint8Array): Buffer {
  return diffieHellman({ privateKey: x25519Private(own), publicKey: createPublicKey(x25519Private(peers)) })
}
