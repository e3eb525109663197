import { isIP, isIPv4 } from 'node:net'
import { describe, QpsError } from '@qps/core'

/** A host as a certificate holds it: the letters of a name, or the bytes of an address. */
export interface SubjectName {
  kind: 'name' | 'address'
  bytes: Buffer
}

/** Names and addresses of one certificate. */
export const hostsMax = 100

/** Letters, digits and hyphens, at most 63 to a label; `*` may be the whole of the first one (RFC 1123, 2.1; RFC 9525, 6.3). */
const dnsName = /^(?=.{1,253}$)(\*\.)?([a-z\d]([a-z\d-]{0,61}[a-z\d])?)(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i

/**
 * @param hosts 1 to 100 names (`localhost`, `*.example.test`) and addresses (`127.0.0.1`, `::1`), in any mixture.
 * @throws QpsError QPS_OPTION naming the one that is neither.
 */
export function subjectNames(hosts: readonly string[]): SubjectName[] {
  if (!Array.isArray(hosts) || hosts.length === 0 || hosts.length > hostsMax) {
    throw new QpsError('QPS_OPTION', `hosts must be a list of 1 to ${hostsMax} names and addresses`)
  }
  return hosts.map(subjectName)
}

function subjectName(host: string): SubjectName {
  if (typeof host === 'string' && !host.includes('%') && isIP(host) !== 0) {
    return { kind: 'address', bytes: isIPv4(host) ? ipv4(host) : ipv6(host) }
  }
  if (typeof host === 'string' && dnsName.test(host)) return { kind: 'name', bytes: Buffer.from(host, 'latin1') }
  throw new QpsError('QPS_OPTION', `hosts has ${describe(host)}, which is neither a DNS name nor an IP address`, {
    hint: 'write names in ASCII, as in xn--bcher-kva.example, and addresses without port and zone',
  })
}

function ipv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

function ipv6(address: string): Buffer {
  // The URL parser writes one form: hexadecimal throughout, also where the end was written as an IPv4 address.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const [left, right] = [groups(head), groups(tail ?? '')]
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}
