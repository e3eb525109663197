/**
 * Is this the value of a valid Host header field: a registered name, an IPv4 address or an IPv6 address in brackets,
 * then perhaps a port (RFC 9110 section 7.2, RFC 3986 section 3.2.2)? One pass, one branch per character.
 */
export function isValidHost(host: string): boolean {
  const end = host.length
  let index = host.charCodeAt(0) === 91 /* [ */ ? afterBracket(host) : afterName(host)
  if (index <= 0) return false
  if (index === end) return true
  if (host.charCodeAt(index) !== 58 /* : */ || end - index > 6) return false
  while (++index < end) if (!isDigit(host.charCodeAt(index))) return false
  return true
}

/** The index behind `[…]`, or -1. */
function afterBracket(host: string): number {
  let index = 1
  for (; index < host.length; index++) {
    const unit = host.charCodeAt(index)
    if (unit === 93 /* ] */) return index > 2 ? index + 1 : -1
    if (!isDigit(unit) && !(unit >= 97 && unit <= 102) && !(unit >= 65 && unit <= 70) && unit !== 58 && unit !== 46) {
      return -1
    }
  }
  return -1
}

/** The index behind the name: at a colon or at the end, or -1 at a character that no name has. */
function afterName(host: string): number {
  for (let index = 0; index < host.length; index++) {
    const unit = host.charCodeAt(index)
    if (unit === 58 /* : */) return index
    if (unit > 127 || nameCharacters[unit] === 0) return -1
  }
  return host.length
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57
}

/** RFC 3986: unreserved, sub-delims and the percent sign of an escape. */
const nameCharacters = new Uint8Array(128)
for (const character of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=%") {
  nameCharacters[character.charCodeAt(0)] = 1
}
