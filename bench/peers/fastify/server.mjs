// Fastify on node:http as its documentation starts it, with the routes that every server here has. The logger is off, as
// it is by default. Bytes instead of a string keep Fastify from adding a charset, so that the content type is the same.
import Fastify from 'fastify'

const app = Fastify({ logger: false })
const text = (reply, type, body) => reply.header('content-type', type).send(Buffer.from(body))
app.get('/', (_request, reply) => text(reply, 'application/json', JSON.stringify({ status: 'ok', ts: Date.now() })))
app.get('/plaintext', (_request, reply) => text(reply, 'text/plain', 'Hello, World!'))
app.post('/echo', (request, reply) => text(reply, 'application/json', JSON.stringify(request.body)))
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(`listening ${app.server.address().port}`)
