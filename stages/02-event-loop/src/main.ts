import { runStage } from '@qps/console'
import { cluster, engine, reuseport } from './server.ts'
import { baseline } from './baseline.ts'
import { fastifyNetpoll } from './fastify.ts'

await runStage(new URL('../stage.json', import.meta.url), {
  baseline,
  cluster,
  reuseport,
  libuv: engine('libuv'),
  epoll: engine('epoll'),
  io_uring: engine('io_uring'),
  'fastify-netpoll': fastifyNetpoll,
})
