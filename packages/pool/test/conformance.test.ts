import { BufferPool, ObjectPool } from '@qps/pool'
import { poolConformance } from '@qps/testkit'

poolConformance('a pool', {
  objects: (options) => new ObjectPool(options),
  buffers: (options) => new BufferPool(options),
})
