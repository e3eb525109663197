import { expectReadmeExample } from '@qps/testkit'
import { test } from 'vitest'

test("the README's example prints what it says", () => expectReadmeExample(new URL('../README.md', import.meta.url)))
