import { createServer } from 'node:http'
import type { MemberContext, MemberServer } from '@qps/workers'

/** A member for tests: answers with a word, and dies when it is asked for `/die`. */
export async function start({ host, port, reusePort }: MemberContext): Promise<MemberServer> {
  let served = 0
  const server = createServer((request, response) => {
    if (request.url === '/die') process.exit(7)
    served++
    response.setHeader('connection', 'close')
    response.end('hello')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, reusePort }, resolve)
  })
  const address = server.address() as { port: number }
  return {
    url: `http://${host}:${address.port}`,
    connections: () => 0,
    take: () => {
      const taken = served
      served = 0
      return taken
    },
    drain: async () => {
      await new Promise((resolve) => server.close(resolve))
      return { completed: 0, dropped: 0, ms: 0 }
    },
  }
}
