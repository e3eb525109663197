import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

/** The address behind a name; an address is its own. @throws Error of the resolver. */
export async function addressOf(host: string): Promise<string> {
  return isIP(host) === 0 ? (await lookup(host)).address : host
}
