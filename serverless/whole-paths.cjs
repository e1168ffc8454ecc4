// A plugin for `serverless offline`, listed before it. That one starts Python through a shell and
// quotes nothing: a folder with a space or a bracket in its path would be torn apart. Started
// without the shell the path stays whole.
"use strict"
const processes = require("node:child_process")
const { syncBuiltinESMExports } = require("node:module")

const { spawn } = processes
processes.spawn = (command, args, options, ...rest) => {
  const unquoted = command === "python3" && Array.isArray(args) && options?.shell === true
  return spawn(command, args, unquoted ? { ...options, shell: false } : options, ...rest)
}
syncBuiltinESMExports()

module.exports = class WholePaths {}
