import type { HeaderField } from '@qps/http2-frames'
import { fieldsOf, requestHead } from '../http2/message.ts'

/** One request of HTTP/3: what the client needs to make its frames. */
export interface Http3Message {
  protocol: 'h3'
  method: string
  authority: string
  path: string
  /** Further fields, names in lower case; the client adds the length of the content. */
  headers: readonly HeaderField[]
  body: Uint8Array
  /** Receive window that the server gets, for each stream and for the connection. */
  windowBytes: number
}

/**
 * @param headers further fields, in this order; `Host` replaces the URL's authority.
 * @throws QpsError QPS_OPTION for what could not be sent: RFC 9114, section 4.2, forbids the same fields as HTTP/2.
 */
export function http3Message(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Uint8Array,
  windowBytes: number,
): Http3Message {
  const head = requestHead(url, method, headers)
  // Its length is checked as that of HTTP/2 is.
  fieldsOf(head, body.length)
  const { authority, path, others } = head
  return { protocol: 'h3', method, authority, path, headers: others, body, windowBytes }
}
