import { validateHeaderName, validateHeaderValue } from 'node:http'
import { nodeError } from './node-errors.ts'

export type OutgoingValue = string | number | readonly (string | number)[]
/** An object, names and values by turns, or pairs of them. */
export type OutgoingFields =
  | Readonly<Record<string, OutgoingValue | undefined>>
  | readonly OutgoingValue[]
  | readonly (readonly [string, OutgoingValue])[]

/** What the fields of a head came to. One object, filled again for each head: read it before the next one. */
export const rendered = {
  /** The lines, each with its CRLF, without those that say where the content ends. */
  lines: '',
  /** Content-Length, or -1. */
  contentLength: -1,
  /** Transfer-Encoding says chunked. */
  chunked: false,
  /** Connection says close. */
  closes: false,
  /** There is a Connection field. */
  connection: false,
  date: false,
  trailer: false,
}

const kind = { plain: 0, contentLength: 1, transferEncoding: 2, connection: 3, date: 4, trailer: 5 } as const
type Kind = (typeof kind)[keyof typeof kind]

const kinds = new Map<string, Kind>([
  ['content-length', kind.contentLength],
  ['transfer-encoding', kind.transferEncoding],
  ['connection', kind.connection],
  ['date', kind.date],
  ['trailer', kind.trailer],
])

/** A name that has passed, and the last line with it: most answers repeat most of their fields. */
interface Name {
  readonly kind: Kind
  value: string
  line: string
}

const names = new Map<string, Name>()
const namesMax = 512
/** Values beyond this are not kept. */
const keptValueMax = 128
/** What Node allows in a value, and row S25 asks for. */
const valueAllowed = /^[\t\x20-\x7e\x80-\xff]*$/
const saysClose = /(?:^|\W)close(?:$|\W)/i
const saysChunked = /(?:^|\W)chunked(?:$|\W)/i

/** Makes the lines of a head, into {@link rendered}. @throws Error with Node's codes for what a field cannot carry. */
export function renderFields(fields: OutgoingFields | undefined): void {
  rendered.lines = ''
  rendered.contentLength = -1
  rendered.chunked = rendered.closes = rendered.connection = rendered.date = rendered.trailer = false
  if (fields === undefined) return
  if (isList(fields)) {
    forEachPair(fields, render)
    return
  }
  for (const name in fields) if (Object.hasOwn(fields, name)) render(name, fields[name])
}

/** Calls back for each field of the list. @throws Error ERR_INVALID_ARG_VALUE for a name without a value. */
export function forEachPair(
  list: Extract<OutgoingFields, readonly unknown[]>,
  visit: (name: string, value: OutgoingValue | undefined) => void,
): void {
  if (Array.isArray(list[0])) {
    for (const [name, value] of list as readonly (readonly [string, OutgoingValue])[]) visit(name, value)
    return
  }
  if (list.length % 2 !== 0) throw nodeError('ERR_INVALID_ARG_VALUE', 'headers')
  for (let at = 0; at < list.length; at += 2) visit(list[at] as string, list[at + 1] as OutgoingValue)
}

export function isList(fields: OutgoingFields): fields is Extract<OutgoingFields, readonly unknown[]> {
  return Array.isArray(fields)
}

/** @throws Error ERR_INVALID_HTTP_TOKEN, ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_CHAR. */
export function checkOutgoing(name: string, value: OutgoingValue | undefined): void {
  nameOf(name)
  if (value === undefined) throw nodeError('ERR_HTTP_INVALID_HEADER_VALUE', name)
  if (typeof value === 'object') for (const each of value) checkValue(name, String(each))
  else checkValue(name, String(value))
}

function render(name: string, value: OutgoingValue | undefined): void {
  const known = nameOf(name)
  if (typeof value === 'string') renderLine(known, name, value)
  else if (value === undefined) throw nodeError('ERR_HTTP_INVALID_HEADER_VALUE', name)
  else if (typeof value !== 'object') renderLine(known, name, String(value))
  else if (name.toLowerCase() === 'cookie') renderLine(known, name, value.join('; '))
  else for (const each of value) renderLine(known, name, String(each))
}

function renderLine(known: Name, name: string, value: string): void {
  if (known.kind !== kind.plain && !notes(known.kind, value)) return
  if (value === known.value) {
    rendered.lines += known.line
    return
  }
  checkValue(name, value)
  const line = `${name}: ${value}\r\n`
  rendered.lines += line
  if (value.length > keptValueMax) return
  known.value = value
  known.line = line
}

/** @returns whether the line is the application's: the server writes those about the content's end itself. */
function notes(of: Kind, value: string): boolean {
  if (of === kind.contentLength) {
    const length = Number(value)
    if (!Number.isSafeInteger(length) || length < 0) throw nodeError('ERR_HTTP_INVALID_HEADER_VALUE', 'content-length')
    rendered.contentLength = length
    return false
  }
  if (of === kind.transferEncoding) {
    if (saysChunked.test(value)) rendered.chunked = true
    return false
  }
  if (of === kind.date) rendered.date = true
  else if (of === kind.trailer) rendered.trailer = true
  else if (saysClose.test(value)) {
    rendered.closes = true
    return false
  } else rendered.connection = true
  return true
}

function nameOf(name: string): Name {
  const known = names.get(name)
  if (known !== undefined) return known
  validateHeaderName(name)
  // No value is `\n`: nothing is kept yet.
  const fresh: Name = { kind: kinds.get(name.toLowerCase()) ?? kind.plain, value: '\n', line: '' }
  if (names.size < namesMax) names.set(name, fresh)
  return fresh
}

function checkValue(name: string, value: string): void {
  if (valueAllowed.test(value)) return
  validateHeaderValue(name, value)
  // Node was told to be lenient; we are not.
  throw nodeError('ERR_INVALID_CHAR', name)
}
