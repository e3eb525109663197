import { pollerConformance } from '@qps/testkit'
import { createLibuvPoller } from '../src/libuv/index.ts'

const source = new URL('../src/libuv/index.ts', import.meta.url)

pollerConformance(
  'libuv',
  async (options = {}) => createLibuvPoller(options, 'asked for by a test'),
  `(await import('${source.href}')).createLibuvPoller({}, 'asked for by a test')`,
)
