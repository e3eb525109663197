import { expectReadmeExample } from '@qps/testkit'
import { test } from 'vitest'

test('the README is true', () => expectReadmeExample(new URL('../README.md', import.meta.url)))
