import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  bitString,
  booleanTrue,
  explicit,
  implicit,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts'
import type { SubjectName } from './hosts.ts'

/** Object identifiers, each with where it is registered. */
const identifiers = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2', // RFC 5758, 3.2
  commonName: '2.5.4.3', // RFC 5280, appendix A.1
  subjectKeyIdentifier: '2.5.29.14', // RFC 5280, 4.2.1.2
  keyUsage: '2.5.29.15', // RFC 5280, 4.2.1.3
  subjectAltName: '2.5.29.17', // RFC 5280, 4.2.1.6
  basicConstraints: '2.5.29.19', // RFC 5280, 4.2.1.9
  authorityKeyIdentifier: '2.5.29.35', // RFC 5280, 4.2.1.1
  extendedKeyUsage: '2.5.29.37', // RFC 5280, 4.2.1.12
  serverAuth: '1.3.6.1.5.5.7.3.1', // RFC 5280, 4.2.1.12
} as const

/** Bits of the key usage (RFC 5280, 4.2.1.3). */
const usageBits = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const

export interface CertificateFields {
  /** Common name of whom it is about, and of who signs it. */
  subject: string
  issuer: string
  /** The key that it is about: an EC public key. */
  publicKey: KeyObject
  /** The issuer's private key, on P-256: ECDSA with SHA-256 is what is written. */
  issuerKey: KeyObject
  notBeforeMs: number
  notAfterMs: number
  /** `authority` may sign leaves and nothing else; a leaf serves under `hosts`. */
  role: 'authority' | 'leaf'
  hosts: readonly SubjectName[]
}

/**
 * Writes and signs a certificate, X.509 version 3. Node reads certificates and has no call that writes one.
 *
 * @returns the DER bytes. Source: RFC 5280, 4.1; the signature: RFC 5758, 3.2.
 */
export function writeCertificate(fields: CertificateFields): Buffer {
  const algorithm = sequence(objectIdentifier(identifiers.ecdsaWithSha256))
  const toBeSigned = sequence(
    explicit(0, integer(2)), // version: v3 is 2 (4.1.2.1)
    integer(serialNumber()),
    algorithm,
    name(fields.issuer),
    sequence(time(fields.notBeforeMs), time(fields.notAfterMs)),
    name(fields.subject),
    fields.publicKey.export({ type: 'spki', format: 'der' }), // subjectPublicKeyInfo (4.1.2.7), as Node writes it
    explicit(3, sequence(...extensions(fields))),
  )
  // `sign` returns Ecdsa-Sig-Value in DER (RFC 3279, 2.2.3), which is what the bit string holds.
  return sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, fields.issuerKey)))
}

/** Positive, at most 20 bytes, not to be guessed (4.1.2.2): 16 bytes, the first from 64 to 127, so that no byte is added or lost. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = 0x40 | (bytes[0]! & 0x3f)
  return bytes
}

/** A name of one attribute (4.1.2.4). */
function name(commonName: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier(identifiers.commonName), utf8String(commonName))))
}

function extensions({ role, publicKey, issuerKey, hosts }: CertificateFields): Buffer[] {
  const authorityKey = keyIdentifier(createPublicKey(issuerKey))
  const common = [
    extension(identifiers.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
    extension(identifiers.authorityKeyIdentifier, sequence(implicit(0, authorityKey))),
  ]
  if (role === 'authority') {
    return [
      // cA true, pathLenConstraint 0: below it only leaves.
      critical(identifiers.basicConstraints, sequence(booleanTrue(), integer(0))),
      critical(identifiers.keyUsage, namedBits(usageBits.keyCertSign, usageBits.cRLSign)),
      ...common,
    ]
  }
  return [
    critical(identifiers.basicConstraints, sequence()), // cA is false by default, and defaults are left out
    critical(identifiers.keyUsage, namedBits(usageBits.digitalSignature)),
    extension(identifiers.extendedKeyUsage, sequence(objectIdentifier(identifiers.serverAuth))),
    extension(identifiers.subjectAltName, sequence(...hosts.map(generalName))),
    ...common,
  ]
}

/** 4.2: a reader that does not know a critical extension must refuse the certificate. */
function critical(identifier: string, value: Uint8Array): Buffer {
  return sequence(objectIdentifier(identifier), booleanTrue(), octetString(value))
}

function extension(identifier: string, value: Uint8Array): Buffer {
  return sequence(objectIdentifier(identifier), octetString(value))
}

/** 4.2.1.6: dNSName is [2], an IA5String; iPAddress is [7], the 4 or 16 bytes of the address. */
function generalName({ kind, bytes }: SubjectName): Buffer {
  return implicit(kind === 'name' ? 2 : 7, bytes)
}

/** The leftmost 160 bits of SHA-256 over the public key's bits (RFC 7093, 2, method 1). */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(publicPoint(publicKey)).digest().subarray(0, 20)
}

/** The point, uncompressed: 4, x, y (RFC 5480, 2.2). It is what the bit string at the end of the SPKI holds. */
function publicPoint(publicKey: KeyObject): Buffer {
  const { x, y } = publicKey.export({ format: 'jwk' })
  return Buffer.concat([Buffer.of(4), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])
}

/** DER as PEM: base64 in lines of 64 letters (RFC 7468, 2 and 5). */
export function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
