import { traceLimits } from '../options.ts'
import { hexDigit, hexOfBytes } from './hex.ts'
import { knownFlags, type TraceContext } from './trace-context.ts'
import { TraceState } from './trace-state.ts'

/*
 * The binary form: a version, which is 0, and fields, each a byte that names it and bytes of a known number.
 *
 *   ┌───┬───┬────────────────┬───┬─────────┬───┬───────┐
 *   │ 0 │ 0 │ trace, 16      │ 1 │ span, 8 │ 2 │ flags │      29 bytes
 *   └───┴───┴────────────────┴───┴─────────┴───┴───────┘
 *
 * Source: census-instrumentation/opencensus-specs, encodings/BinaryEncoding.md.
 */
const fieldBytes = [16, 8, 1] as const
const traceBytes = 29

/** A trace's place as `grpc-trace-bin` carries it: without its state. */
export function formatTraceBytes({ traceId, parentId, flags }: TraceContext): Uint8Array {
  const bytes = new Uint8Array(traceBytes)
  writeHex(traceId, bytes, 2)
  bytes[18] = 1
  writeHex(parentId, bytes, 19)
  bytes[27] = 2
  bytes[28] = flags & knownFlags
  return bytes
}

/**
 * Reads the binary form. Fields may come in any order; the first that is not known ends the reading, since its length is not
 * known either. Never throws.
 *
 * @returns undefined where the version is not 0, an id is missing, all zero or there twice, or a field is cut.
 */
export function parseTraceBytes(bytes: Uint8Array): TraceContext | undefined {
  if (bytes.length > traceLimits.traceBytesMax || bytes[0] !== 0) return undefined
  const found: (number | undefined)[] = [undefined, undefined, undefined]
  for (let at = 1; at < bytes.length;) {
    const field = bytes[at]!
    const length = fieldBytes[field]
    if (length === undefined) break
    if (found[field] !== undefined || at + 1 + length > bytes.length) return undefined
    found[field] = at + 1
    at += 1 + length
  }
  const [traceAt, parentAt, flagsAt] = found
  if (traceAt === undefined || parentAt === undefined) return undefined
  if (isZero(bytes, traceAt, traceAt + 16) || isZero(bytes, parentAt, parentAt + 8)) return undefined
  return {
    traceId: hexOfBytes(bytes, traceAt, traceAt + 16),
    parentId: hexOfBytes(bytes, parentAt, parentAt + 8),
    flags: flagsAt === undefined ? 0 : bytes[flagsAt]! & knownFlags,
    state: TraceState.empty,
  }
}

function writeHex(text: string, bytes: Uint8Array, at: number): void {
  for (let digit = 0; digit < text.length; digit += 2) {
    bytes[at + digit / 2] = hexDigit(text.charCodeAt(digit)) * 16 + hexDigit(text.charCodeAt(digit + 1))
  }
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false
  return true
}
