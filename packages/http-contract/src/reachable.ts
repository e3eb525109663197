/** Where a listening socket can be reached, for a URL: a wildcard is no address that a client can use. */
export function reachableHost({ address, family }: { address: string; family: string }): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return family === 'IPv6' ? `[${address}]` : address
}
