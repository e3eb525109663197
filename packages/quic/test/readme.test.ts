import { expectReadmeExample } from '@qps/testkit'
import { test } from 'vitest'
import { quic } from './support.ts'

test.skipIf(!quic.available)("the README's example prints what it says", () =>
  expectReadmeExample(new URL('../README.md', import.meta.url)),
)
