/** One TLS record as somebody on the way sees it. */
export interface TlsRecord {
  /** Header included. */
  bytes: number
  /**
   * What it holds: names of handshake messages as long as they are readable, `ChangeCipherSpec`, `alert`, `encrypted`. In TLS
   * 1.3 nearly all of a handshake is encrypted (RFC 8446, 5.2).
   */
  holds: string[]
}

/** Content types (RFC 8446, 5.1). */
const contentTypes = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const

/** RFC 8446, 4 and RFC 5246, 7.4. */
const messageNames: Readonly<Record<number, string>> = {
  1: 'ClientHello',
  2: 'ServerHello',
  4: 'NewSessionTicket',
  11: 'Certificate',
  12: 'ServerKeyExchange',
  13: 'CertificateRequest',
  14: 'ServerHelloDone',
  16: 'ClientKeyExchange',
  20: 'Finished',
  22: 'CertificateStatus',
}

const headerBytes = 5
const messageHeaderBytes = 4
/** 2^14 of content and what its protection adds, at most (RFC 5246, 6.2.3). */
const fragmentBytesMax = 16_384 + 2048
/**
 * A record of TLS 1.3 with an alert in it: two bytes, one for the real content type, 16 of the tag that all our suites have.
 * No handshake message is as short.
 */
const sealedAlertBytes = headerBytes + 2 + 1 + 16

/** Cuts one direction of a connection into its records. Keeps at most one record; linear in the bytes. */
export class RecordReader {
  #chunks: Buffer[] = []
  #bytes = 0
  #wanted = headerBytes
  #sealed = false
  /** Bytes of a handshake message that go on in the next record. */
  #messageLeft = 0

  /** @returns the records that are complete with these bytes. @throws RangeError where they are no TLS. */
  push(chunk: Buffer): TlsRecord[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const records: TlsRecord[] = []
    while (this.#bytes >= this.#wanted) {
      const bytes = Buffer.concat(this.#chunks, this.#bytes)
      const wanted = headerBytes + bytes.readUInt16BE(3)
      if (bytes[0]! < contentTypes.changeCipherSpec || bytes[0]! > contentTypes.applicationData) {
        throw new RangeError(`no TLS record begins with ${bytes[0]}`)
      }
      if (wanted > headerBytes + fragmentBytesMax) throw new RangeError(`no TLS record has ${wanted} bytes`)
      const complete = bytes.length >= wanted
      if (complete) records.push({ bytes: wanted, holds: this.#contentOf(bytes.subarray(0, wanted)) })
      const rest = complete ? bytes.subarray(wanted) : bytes
      this.#chunks = [rest]
      this.#bytes = rest.length
      this.#wanted = complete ? headerBytes : wanted
    }
    return records
  }

  #contentOf(record: Buffer): string[] {
    if (record[0] === contentTypes.alert) return ['alert']
    if (record[0] === contentTypes.applicationData) return [record.length === sealedAlertBytes ? 'alert' : 'encrypted']
    if (record[0] === contentTypes.changeCipherSpec) {
      this.#sealed = true
      return ['ChangeCipherSpec']
    }
    return this.#sealed ? ['encrypted'] : this.#messagesOf(record.subarray(headerBytes))
  }

  #messagesOf(fragment: Buffer): string[] {
    const names: string[] = []
    let at = Math.min(this.#messageLeft, fragment.length)
    this.#messageLeft -= at
    while (at + messageHeaderBytes <= fragment.length) {
      names.push(messageNames[fragment[at]!] ?? `message ${fragment[at]}`)
      const end = at + messageHeaderBytes + fragment.readUIntBE(at + 1, 3)
      this.#messageLeft = Math.max(0, end - fragment.length)
      at = Math.min(end, fragment.length)
    }
    return names.length > 0 ? names : ['more of it']
  }
}
