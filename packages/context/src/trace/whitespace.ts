/** Optional white space of HTTP: space and tab. Source: RFC 9110, section 5.6.3. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The first position from `start` on that is no white space; `end` where there is none. */
export function skipSpaces(text: string, start: number, end: number): number {
  let at = start
  while (at < end && isSpace(text.charCodeAt(at))) at++
  return at
}

/** The position behind the last character before `end` that is no white space; `start` where there is none. */
export function dropSpaces(text: string, start: number, end: number): number {
  let at = end
  while (at > start && isSpace(text.charCodeAt(at - 1))) at--
  return at
}
