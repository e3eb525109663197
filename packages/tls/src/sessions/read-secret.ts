import { closeSync, openSync, readSync } from 'node:fs'
import { tlsError } from '../errors.ts'

/** Far more than a secret needs; a file that is larger is the wrong file. */
const secretBytesMax = 4096

/**
 * The bytes of a file that processes share, for `TicketKeys`: `head -c 32 /dev/urandom` makes one. Blocks for one read.
 *
 * @throws QpsError QPS_TLS_FILE where it cannot be read, or has more than 4096 bytes.
 */
export function readTicketSecret(file: string): Buffer {
  const bytes = Buffer.alloc(secretBytesMax + 1)
  let length: number
  try {
    const descriptor = openSync(file, 'r')
    try {
      length = readSync(descriptor, bytes)
    } finally {
      closeSync(descriptor)
    }
  } catch (cause) {
    throw tlsError('QPS_TLS_FILE', `${file} cannot be read`, cause)
  }
  if (length > secretBytesMax) throw tlsError('QPS_TLS_FILE', `${file} has more than ${secretBytesMax} bytes`)
  return bytes.subarray(0, length)
}
