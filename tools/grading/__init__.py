"""The parts of the grader: a stranger's notebook runs in a closed process, the tests run in another one."""
