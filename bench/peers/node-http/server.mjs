// node:http and nothing else: what a server on Node costs before anyone adds a line. Any path gets the answer.
import { createServer } from 'node:http'

const server = createServer((_request, response) => {
  const body = JSON.stringify({ status: 'ok', ts: Date.now() })
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))
