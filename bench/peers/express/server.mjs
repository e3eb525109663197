// Express with NODE_ENV=production. `etag` and `x-powered-by` are on by default and the other arms have neither: left on,
// a hash per answer would be timed. A Buffer keeps `send` from adding a charset, so that the content type is the same.
import express from 'express'

const app = express()
app.disable('etag')
app.disable('x-powered-by')
app.get('/', (request, response) => {
  response.setHeader('Content-Type', 'application/json')
  response.send(Buffer.from(JSON.stringify({ status: 'ok', ts: Date.now() })))
})
const server = app.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
