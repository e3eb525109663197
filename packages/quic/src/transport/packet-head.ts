/** Every connection id that we choose has so many bytes: packets with a short header do not say. */
export const idBytes = 16
/** RFC 9000, section 17.2: what version 1 allows. */
const idBytesMax = 20

/** What tells packets apart before anything is decrypted: RFC 8999, which holds for every version. */
export interface PacketHead {
  isLong: boolean
  /** 0 for a short header. */
  version: number
  /** For whom, as Latin-1, fit for a Map. */
  id: string
}

/**
 * Reads the version-independent part of a datagram's first packet. Constant time.
 *
 *   | 1… | version (4) | length | id of the receiver | length | id of the sender | …
 *   | 0… | id of the receiver (16) | …
 *
 * @returns undefined for what is no packet for us.
 */
export function readPacketHead(datagram: Buffer): PacketHead | undefined {
  if (datagram.length < 1 + idBytes) return undefined
  if (datagram[0]! < 0x80) return { isLong: false, version: 0, id: datagram.toString('latin1', 1, 1 + idBytes) }
  const length = datagram[5]!
  if (length > idBytesMax || 6 + length >= datagram.length) return undefined
  return { isLong: true, version: datagram.readUInt32BE(1), id: datagram.toString('latin1', 6, 6 + length) }
}
