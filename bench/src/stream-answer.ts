import type { Answer } from './answer.ts'
import { encodeCall, payloadOf } from './grpc-message.ts'
import type { StreamAnswer, StreamRequest } from './http2-client.ts'
import type { Asked } from './question.ts'

/** A question as a stream of HTTP/2. */
export function streamRequest({ protocol, path, echo }: Asked): StreamRequest {
  if (protocol === 'grpc') {
    const fields = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
    return { fields, body: encodeCall(echo ?? Buffer.alloc(0)) }
  }
  if (echo === undefined) return { fields: { ':method': 'GET', ':path': path }, body: Buffer.alloc(0) }
  return { fields: { ':method': 'POST', ':path': path, 'content-length': echo.length }, body: echo }
}

/** What a stream answered, in the form that answers are compared in; in its place what is wrong with it. */
export function streamAnswer(protocol: Asked['protocol'], answer: StreamAnswer): Answer | string {
  return protocol === 'grpc' ? callAnswer(answer) : http2Answer(answer)
}

function http2Answer({ fields, body }: StreamAnswer): Answer {
  const status = Number(fields[':status'])
  const length = fields['content-length']
  const text = body.toString('latin1')
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  return {
    protocol: 'h2',
    statusLine: `:status: ${status}`,
    status,
    contentType: fields['content-type'],
    contentLength: length === undefined ? undefined : Number(length),
    body: text,
    text: `${lines.join('')}\r\n${text}`,
  }
}

/** A unary call that went well: 200, one message, then trailers with status 0. */
function callAnswer({ fields, trailers, body }: StreamAnswer): Answer | string {
  const status = Number(fields[':status'])
  if (status !== 200) return `:status ${status}, and 200 carries every answer of gRPC`
  const contentType = fields['content-type']
  if (!/^application\/grpc(\+proto)?$/.test(contentType ?? '')) return `content-type ${JSON.stringify(contentType)}`
  const outcome = (trailers ?? fields)['grpc-status']
  const message = (trailers ?? fields)['grpc-message']
  if (outcome !== '0') return `grpc-status ${String(outcome)}${message === undefined ? '' : `, ${String(message)}`}`
  if (trailers === undefined) return 'no trailers'
  const payload = payloadOf(body)
  if (typeof payload === 'string') return payload
  const text = payload.toString('latin1')
  return {
    protocol: 'grpc',
    statusLine: ':status: 200',
    status,
    contentType,
    contentLength: undefined,
    body: text,
    text,
  }
}
