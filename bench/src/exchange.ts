import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'

/** No answer that is compared is larger: the longest echo of a load, and a head. */
export const answerBytesMax: number = 1024 * 1024 + 64 * 1024
export const answerTimeoutMs = 5_000
/** After the last byte that was expected. */
const surplusMs = 20

/**
 * Sends bytes over a connection of its own, returns what came until `complete` said so and a moment more, the peer
 * closed, or a limit was reached. Over TLS any certificate is taken: the server was started by us, on loopback.
 *
 * @param base where: `http:` or `https:`. @param request one character per byte.
 * @param complete whether the text so far is all that is expected.
 */
export function exchange(base: string, request: string, complete: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port, protocol } = new URL(base)
    const at = { host: hostname, port: Number(port) }
    const isSecure = protocol === 'https:'
    const socket = isSecure
      ? connectSecurely({ ...at, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : connect(at)
    let text = ''
    const finish = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(answerTimeoutMs, finish)
    socket.on(isSecure ? 'secureConnect' : 'connect', () => socket.write(request, 'latin1'))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (text.length > answerBytesMax) finish()
      // What nobody asked for comes right behind.
      else if (complete(text)) socket.setTimeout(surplusMs)
    })
    socket.on('end', finish)
    // Whatever cut it short, what is missing from the text is the fault that is reported.
    socket.on('error', finish)
  })
}
