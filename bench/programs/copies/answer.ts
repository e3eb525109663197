/** The body that every kind answers with: letters, so that a check of it is a short pattern. */
export function answerBody(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'abcdefghijklmnop')
}

/** The same as an answer of HTTP/1.1, for servers that write bytes. */
export function answerBytes(bytes: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${bytes}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), answerBody(bytes)])
}
