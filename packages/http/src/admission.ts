import type { IncomingMessage } from 'node:http'
import { type HttpLimits, isValidHost, type RefusalReason } from '@qps/http-contract'

/**
 * The front filter: why this request must be refused, or undefined. It adds what Node's strict parser lets through.
 *
 * Node's parser already refuses Transfer-Encoding beside Content-Length, folded lines, bare CR or LF, wrong chunk sizes
 * and wrong or repeated Content-Length. Left are the ambiguities that a proxy in front may read another way, which is
 * what request smuggling lives on (RFC 9112 section 11.2): a second Host, of which Node takes the first; a Host that is
 * no host; a list of transfer codings. One pass over the header fields.
 */
export function objection(request: IncomingMessage, limits: HttpLimits): RefusalReason | undefined {
  const { rawHeaders, headers } = request
  if (rawHeaders.length > 2 * limits.headerFieldsMax) return 'header-fields'
  if (request.httpVersionMajor !== 1) return 'malformed'
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts > 1) return 'host'
  const { host } = headers
  if (host === undefined ? request.httpVersionMinor > 0 : !isValidHost(host)) return 'host'
  const coding = headers['transfer-encoding']
  if (coding !== undefined && (request.httpVersionMinor === 0 || coding.toLowerCase() !== 'chunked')) {
    return 'transfer-encoding'
  }
  if (Number(headers['content-length']) > limits.bodyBytesMax) return 'body'
  return undefined
}
