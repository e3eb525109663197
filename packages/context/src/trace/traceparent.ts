import { traceLimits } from '../options.ts'
import { hexDigit, hexOfByte, isId } from './hex.ts'
import { knownFlags, type TraceContext } from './trace-context.ts'
import { TraceState } from './trace-state.ts'
import { dropSpaces, skipSpaces } from './whitespace.ts'

/*
 *   00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *   │  │                                │                │
 *   │  3 the trace                      36 the parent    53 flags          55 in all
 *   0 version
 */
const traceAt = 3
const parentAt = 36
const flagsAt = 53
const length00 = 55
const dash = 0x2d

/**
 * Reads a traceparent. Linear in its length, never throws.
 *
 * Version 00 has 55 characters and no more. A later version is read as far as 00 goes, if its flags are followed by nothing or by
 * a `-`; version ff is none. Hexadecimal digits are lowercase. Flags that are not known are dropped.
 *
 * @param value of the header; of several lines each, and then it is not valid, nor where they were joined by a comma.
 * @param state what the tracestate says: it belongs to a traceparent that is valid, and to no other.
 * @returns undefined where it is missing or not valid: then a new trace begins, and the tracestate is nobody's.
 * Source: W3C Trace Context level 2, section 3.2.
 */
export function parseTraceparent(
  value: string | readonly string[] | undefined,
  state: TraceState = TraceState.empty,
): TraceContext | undefined {
  const text = typeof value === 'string' ? value : value?.length === 1 ? value[0]! : undefined
  if (text === undefined || text.length < length00 || text.length > traceLimits.traceparentLengthMax) return undefined
  const at = skipSpaces(text, 0, text.length)
  const end = dropSpaces(text, at, text.length)
  if (!isShaped(text, at, end)) return undefined
  const flags = byteAt(text, at + flagsAt)
  if (flags < 0 || !isId(text, at + traceAt, at + parentAt - 1) || !isId(text, at + parentAt, at + flagsAt - 1)) {
    return undefined
  }
  return {
    traceId: text.slice(at + traceAt, at + parentAt - 1),
    parentId: text.slice(at + parentAt, at + flagsAt - 1),
    flags: flags & knownFlags,
    state,
  }
}

/** Length, version and delimiters. */
function isShaped(text: string, at: number, end: number): boolean {
  const length = end - at
  if (length < length00) return false
  if (text.charCodeAt(at + traceAt - 1) !== dash) return false
  if (text.charCodeAt(at + parentAt - 1) !== dash || text.charCodeAt(at + flagsAt - 1) !== dash) return false
  const version = byteAt(text, at)
  if (version < 0 || version === 0xff) return false
  if (length === length00) return true
  return version > 0 && text.charCodeAt(at + length00) === dash && !text.includes(',')
}

/** Two digits; -1 where they are none. */
function byteAt(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** A traceparent of version 00, whatever version it came in as. */
export function formatTraceparent({ traceId, parentId, flags }: TraceContext): string {
  return `00-${traceId}-${parentId}-${hexOfByte(flags & knownFlags)}`
}
