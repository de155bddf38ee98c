;; What StarlingMonkey still asks of WASI's first preview, in terms of WASI 0.2.
;;
;; The stock adapter is a core instance of 64 KiB of state with files, sockets and an
;; environment; the engine needs two clocks. Everything else answers "nothing here",
;; and the end of the process is a trap, which the host knows how to name.
(module
  (import "env" "memory" (memory 0))
  (import "__main_module__" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "wasi:clocks/wall-clock@0.2.10" "now" (func $wall (param i32)))
  (import "wasi:clocks/monotonic-clock@0.2.10" "now" (func $monotonic (result i64)))

  (func (export "clock_time_get") (param $clock i32) (param i64) (param $out i32) (result i32)
    (local $datetime i32)
    local.get $clock
    if
      local.get $out
      call $monotonic
      i64.store
      i32.const 0
      return
    end
    i32.const 0
    i32.const 0
    i32.const 8
    i32.const 16
    call $realloc
    local.tee $datetime
    call $wall
    local.get $out
    local.get $datetime
    i64.load
    i64.const 1000000000
    i64.mul
    local.get $datetime
    i64.load32_u offset=8
    i64.add
    i64.store
    local.get $datetime
    i32.const 16
    i32.const 8
    i32.const 0
    call $realloc)

  ;; Diagnostics of an engine that is about to stop: taken, and dropped. One vector at a time: this
  ;; module is not metered, so it may have no loop.
  (func (export "fd_write") (param $fd i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)
    local.get $written
    i32.const 0
    i32.store
    local.get $count
    if
      local.get $written
      local.get $vectors
      i32.load offset=4
      i32.store
    end
    i32.const 0)

  (func $none (param $count i32) (param $size i32) (result i32)
    local.get $count
    i32.const 0
    i32.store
    local.get $size
    i32.const 0
    i32.store
    i32.const 0)
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func $nothing (param i32 i32) (result i32)
    i32.const 0)
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  ;; 8: no such descriptor.
  (func (export "fd_close") (param i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_get") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_prestat_get") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) i32.const 8)
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) i32.const 8)
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) i32.const 8)
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) i32.const 8)

  ;; The engine's own timers are used for one thing: to hear that no microtask is left.
  ;; -2 is the handle of a task that is always ready, so nothing is ever polled.
  (func (export "subscribe-instant") (param i64) (result i32) i32.const -2)
  (func (export "subscribe-duration") (param i64) (result i32) i32.const -2)
  (func (export "[resource-drop]pollable") (param i32))
  (func (export "poll") (param i32 i32 i32) unreachable)
  (func (export "[method]pollable.block") (param i32) unreachable)
  (func (export "[method]pollable.ready") (param i32) (result i32) unreachable)

  (func (export "proc_exit") (param i32) unreachable))
