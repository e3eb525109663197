/*
 * Which bytes may stand where: one table of 256 entries per question, so that an inner loop asks with one load.
 */

/** A table with 1 at each byte that `includes` says yes to. */
function tableOf(includes: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(includes(byte)))
}

const alphanumeric = /^[A-Za-z0-9]$/
const isOneOf = (byte: number, others: string): boolean => {
  const character = String.fromCharCode(byte)
  return alphanumeric.test(character) || others.includes(character)
}

/** `tchar` of RFC 9110 section 5.6.2: what field names and the parts of a chunk extension are made of. */
export const tokenByte: Uint8Array = tableOf((byte) => isOneOf(byte, "!#$%&'*+-.^_`|~"))

/**
 * What a field value has inside: visible ASCII, blank, tab and `obs-text` (RFC 9110 section 5.5). No other control
 * character, no DEL. The same bytes may follow the backslash of a quoted pair.
 */
export const valueByte: Uint8Array = tableOf((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f))

/** What a quoted string has inside, unescaped: `qdtext` of RFC 9110 section 5.6.4. */
export const quotedByte: Uint8Array = tableOf((byte) => valueByte[byte] === 1 && byte !== 0x22 && byte !== 0x5c)

/** A target up to its query or fragment: visible ASCII but `?` and `#`. Wider than RFC 3986, as `node:http` is. */
export const pathByte: Uint8Array = tableOf((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x3f && byte !== 0x23)

/** A target behind the `?` or `#`: visible ASCII. */
export const queryByte: Uint8Array = tableOf((byte) => byte > 0x20 && byte < 0x7f)

/** A registered name or an IPv4 address: unreserved, sub-delims, percent (RFC 3986 section 3.2.2). */
export const hostByte: Uint8Array = tableOf((byte) => isOneOf(byte, "-._~!$&'()*+,;=%"))

/** What stands between the brackets of an IPv6 address. */
export const addressByte: Uint8Array = tableOf((byte) => /^[A-Fa-f0-9:.]$/.test(String.fromCharCode(byte)))

/** The value of a hexadecimal digit plus one; 0 for every other byte. */
export const hexDigit: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, byte) => '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()) + 1,
)

export const tab = 0x09
export const lineFeed = 0x0a
export const carriageReturn = 0x0d
export const blank = 0x20
export const quote = 0x22
export const hash = 0x23
export const asterisk = 0x2a
export const comma = 0x2c
export const slash = 0x2f
export const colon = 0x3a
export const semicolon = 0x3b
export const equals = 0x3d
export const questionMark = 0x3f
export const backslash = 0x5c
