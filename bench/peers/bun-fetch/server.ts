// Bun's own server with its plain handler: every request reaches the same function, no route is looked up.
// `Response.json` would add a charset to the content type, which the other arms do not have.
const headers = { 'content-type': 'application/json' }
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => new Response(JSON.stringify({ status: 'ok', ts: Date.now() }), { headers }),
})
console.log(`listening ${server.port}`)
