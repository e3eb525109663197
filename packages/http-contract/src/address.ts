/**
 * What counts as one remote address. IPv4 as it is, mapped or not; IPv6 by its first 64 bits, because that is what one
 * customer gets: whoever has one address of a /64 has 2^64 of them.
 *
 * @example addressKey('::ffff:192.0.2.7') // '192.0.2.7'
 * @example addressKey('2001:db8:1:2:3:4:5:6') // '2001:db8:1:2'
 */
export function addressKey(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return ''
  if (!remoteAddress.includes(':')) return remoteAddress
  if (remoteAddress.startsWith('::ffff:') && remoteAddress.includes('.')) return remoteAddress.slice(7)
  const [head = '', tail] = remoteAddress.split('%', 1)[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups.slice(0, 4).join(':')
}

/** Is this address (or Host name) one that only this machine can use? */
export function isLoopback(host: string): boolean {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host
  return name === 'localhost' || name === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
}
