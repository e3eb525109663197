import { type Connection, reserveBytesMax } from '@qps/netpoll'
import { dateClock } from './date.ts'
import { checkStatus, type PreparedFields } from './fields.ts'
import { reasonOf } from './reasons.ts'
import type { SetFields } from './set-fields.ts'

/*
 * A head is written in one of two ways; what ends it, from the line end behind Date on, says whether the connection stays:
 *
 *   writeSmallAnswer   prepared fields | end | body          in one piece, into the memory that the kernel reads
 *   leaseAnswer        prepared fields | end | room          the same; whoever asked writes the body into the room
 *   writeHeadLines     status | fields | framing | Date      as text; whatever follows is written behind it
 *                      end
 */

/** The end of a head whose connection closes. */
export const closeLines: Uint8Array = Uint8Array.from(Buffer.from('\r\nConnection: close\r\n\r\n', 'latin1'))

/** Bytes of a UTF-16 unit in UTF-8, at most. */
const utf8BytesMax = 3
/** Node's own writer of strings. A loop over characters would first have to flatten a string that was concatenated. */
const { utf8Write } = Buffer.prototype as unknown as {
  utf8Write(this: Uint8Array, text: string, at: number, bytesMax: number): number
}

/**
 * Head and body of the usual small answer.
 *
 * @param keepAliveLines the end of a head whose connection stays.
 * @param end that, or {@link closeLines}.
 * @returns false where it is too long, or the body is not ASCII: nothing is written then.
 * @throws QpsError QPS_STATUS.
 */
export function writeSmallAnswer(
  output: Connection,
  fields: PreparedFields,
  status: number,
  body: string,
  keepAliveLines: Uint8Array,
  end: Uint8Array,
): boolean {
  const known = end === keepAliveLines ? fields.again(status, body, end) : undefined
  if (known !== undefined && known.length <= reserveBytesMax) {
    const at = output.reserve(known.length)
    if (at !== -1) {
      output.output.set(known, at)
      output.commit(at + known.length)
    }
    return true
  }
  const { length } = body
  const head = fields.head(status, length)
  const bodyRoom = length * utf8BytesMax
  const room = head.length + end.length + bodyRoom
  if (room > reserveBytesMax) return false
  const at = output.reserve(room)
  // Nobody is there to read it: as good as written.
  if (at === -1) return true
  const bytes = output.output
  bytes.set(head, at)
  const behind = copyFew(bytes, at + head.length, end)
  // As many bytes as characters: all of them are ASCII.
  if (utf8Write.call(bytes, body, behind, bodyRoom) !== length) return false
  output.commit(behind + length)
  return true
}

/**
 * The head of a small answer, with room for its body behind it. What was written there counts with `output.commit`.
 *
 * @param length of the body.
 * @param room for the body: `length`, or 0 where the head is all.
 * @param end {@link closeLines}, or that of a head whose connection stays.
 * @returns where the body begins in `output.output`; -1 where nobody is there to read it; -2 where head and body are longer
 * than one lease: nothing is written then.
 * @throws QpsError QPS_STATUS.
 */
export function leaseAnswer(
  output: Connection,
  fields: PreparedFields,
  status: number,
  length: number,
  room: number,
  end: Uint8Array,
): number {
  const head = fields.head(status, length)
  const bytesMax = head.length + end.length + room
  if (bytesMax > reserveBytesMax) return -2
  const at = output.reserve(bytesMax)
  if (at === -1) return -1
  const bytes = output.output
  bytes.set(head, at)
  return copyFew(bytes, at + head.length, end)
}

/**
 * Any head but its end.
 *
 * @param framingLine what says where the content ends, with its CRLF; empty where nothing does.
 * @throws QpsError QPS_STATUS.
 */
export function writeHeadLines(
  output: Connection,
  status: number,
  prepared: PreparedFields | undefined,
  set: SetFields | undefined,
  framingLine: string,
): void {
  const fields = `${prepared === undefined ? '' : prepared.lines}${set === undefined ? '' : set.lines()}`
  const head = `HTTP/1.1 ${checkStatus(status)} ${reasonOf(status)}\r\n${fields}${framingLine}Date: ${dateClock.value}`
  output.write(Buffer.from(head, 'latin1'))
}

/** A loop is quicker than `set` for a handful of bytes. */
function copyFew(to: Uint8Array, at: number, from: Uint8Array): number {
  for (let index = 0; index < from.length; index++) to[at + index] = from[index]!
  return at + from.length
}
