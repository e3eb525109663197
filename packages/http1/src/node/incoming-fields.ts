import type { RequestParser } from '../request-parser.ts'

/** Header fields by lower-case name. Nothing is inherited, so that no field can be mistaken for a method of objects. */
export type IncomingFields = Record<string, string | undefined>

// An object literal with `__proto__: null` is a hash table to V8; this is an object with a shape, and as empty.
const WithoutPrototype = function () {} as unknown as { new (): IncomingFields; prototype: object }
WithoutPrototype.prototype = Object.freeze(Object.create(null) as object)

/** Two lines of the same name. */
const join = { comma: 0, semicolon: 1, first: 2 } as const
type Join = (typeof join)[keyof typeof join]

interface Name {
  lower: string
  join: Join
}

/** Where Node takes the first line and drops the others; all the rest is joined. */
const firstOnly = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
])

/** Names as they were sent, so that the usual ones are looked up and not made lower-case. Clients choose them: bounded. */
const names = new Map<string, Name>()
const namesMax = 1024
const nameLengthMax = 64

function nameOf(sent: string): Name {
  const known = names.get(sent)
  if (known !== undefined) return known
  // A slice of a head would keep the whole head in memory.
  const own = Buffer.from(sent, 'latin1').toString('latin1')
  const lower = own.toLowerCase()
  const rule = lower === 'cookie' ? join.semicolon : firstOnly.has(lower) ? join.first : join.comma
  const name: Name = { lower, join: rule }
  if (names.size < namesMax && own.length <= nameLengthMax) names.set(own, name)
  return name
}

/** The fields of a head, by Node's rules. @param text the head; the parser's offsets are relative to its beginning. */
export function readFields(text: string, parser: RequestParser): IncomingFields {
  const fields = new WithoutPrototype()
  const { fields: offsets, fieldCount } = parser
  for (let at = 0; at < 4 * fieldCount; at += 4) {
    const name = nameOf(text.slice(offsets[at], offsets[at + 1]))
    const value = text.slice(offsets[at + 2], offsets[at + 3])
    const before = fields[name.lower]
    if (before === undefined) fields[name.lower] = value
    else if (name.join !== join.first) fields[name.lower] = `${before}${name.join === join.comma ? ', ' : '; '}${value}`
  }
  return fields
}

/** Names and values by turns, as they were sent. The head has passed the parser: every line has a colon, none is folded. */
export function readRawFields(text: string): string[] {
  const raw: string[] = []
  for (const line of text.trimStart().split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon !== -1) raw.push(line.slice(0, colon), line.slice(colon + 1).replace(blanks, ''))
  }
  return raw
}

const blanks = /^[\t ]+|[\t ]+$/g

/** Names and values by turns, as all values by lower-case name. */
export function distinct(raw: readonly string[]): Record<string, string[]> {
  const values = Object.create(null) as Record<string, string[]>
  for (let at = 0; at < raw.length; at += 2) (values[raw[at]!.toLowerCase()] ??= []).push(raw[at + 1]!)
  return values
}
