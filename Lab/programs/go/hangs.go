// Hangs of Go programs: hangs SCENARIO tells who plays what, prints ready, and stays as it is. A suffix -stripped of the name is
// ignored: the same hang, played by a program without symbols. Goroutines are no threads: a role is a thread, `main` the first.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const anything = -1

func tell(name string, tid int, call int) {
	fmt.Printf("role %s %d %d\nwaits %s S %d -\n", name, os.Getpid(), tid, name, call)
}

// role says that the calling goroutine's thread, which it keeps, plays name and is about to block in call.
func role(name string, call int) {
	runtime.LockOSThread()
	tell(name, syscall.Gettid(), call)
	told.Done()
}

// start runs a goroutine that will play one role.
func start(body func()) { told.Add(1); go body() }

// told counts the roles that are still to be told.
var told sync.WaitGroup

// main thread: where Go's runtime leaves it.
func mainThread(name string) { tell(name, os.Getpid(), anything) }

func stay() {
	told.Wait()
	fmt.Println("ready")
	// A timer far away keeps the runtime from calling it a deadlock.
	time.AfterFunc(time.Hour, func() {})
	select {}
}

func idle() { mainThread("victim"); stay() }

func channel() {
	never := make(chan int)
	for i := 0; i < 100; i++ {
		go func() { <-never }()
	}
	mainThread("victim")
	stay()
}

// A goroutine that keeps its thread and receives from a channel that nobody sends to.
func lockedChannel() {
	never := make(chan int)
	start(func() { role("victim", syscall.SYS_FUTEX); <-never })
	stay()
}

func lockedMutex() {
	var mutex sync.Mutex
	mutex.Lock()
	start(func() { role("victim", syscall.SYS_FUTEX); mutex.Lock() })
	stay()
}

func abba() {
	var a, b sync.Mutex
	var both sync.WaitGroup
	both.Add(2)
	member := func(name string, mine, other *sync.Mutex) {
		mine.Lock()
		both.Done()
		both.Wait()
		role(name, syscall.SYS_FUTEX)
		other.Lock()
	}
	start(func() { member("victim", &a, &b) })
	start(func() { member("member-1", &b, &a) })
	stay()
}

func waitGroup() {
	var group sync.WaitGroup
	group.Add(1)
	start(func() { role("victim", syscall.SYS_FUTEX); group.Wait() })
	stay()
}

func accept() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go listener.Accept()
	mainThread("victim")
	stay()
}

// A read of a pipe that the runtime knows nothing about: the thread itself blocks.
func pipeRead() {
	var ends [2]int
	syscall.Pipe(ends[:])
	start(func() {
		role("victim", syscall.SYS_READ)
		var bytes [1]byte
		syscall.Read(ends[0], bytes[:])
	})
	stay()
}

func flock() {
	file, err := os.CreateTemp("", "waitchain-lab-")
	if err != nil {
		panic(err)
	}
	fmt.Println("fact path", file.Name())
	syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
	other, _ := os.Open(file.Name())
	os.Remove(file.Name())
	start(func() {
		role("victim", syscall.SYS_FLOCK)
		syscall.Flock(int(other.Fd()), syscall.LOCK_EX)
	})
	stay()
}

func child() {
	command := exec.Command("sleep", "1000")
	command.Start()
	fmt.Printf("role child %d %d\nwaits child S -1 -\n", command.Process.Pid, command.Process.Pid)
	start(func() { role("victim", anything); command.Wait() })
	stay()
}

// A call into C that waits for a mutex of C, which another such call holds.
func cgo() {
	locked := make(chan int)
	start(func() {
		role("holder", syscall.SYS_FUTEX)
		cgoLock()
		locked <- 1
		<-locked
	})
	<-locked
	start(func() { role("victim", syscall.SYS_FUTEX); cgoLock() })
	stay()
}

func sleeping() {
	mainThread("victim")
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

func main() {
	scenarios := map[string]func(){
		"go-idle": idle, "go-channel": channel, "go-locked-channel": lockedChannel, "go-locked-mutex": lockedMutex, "go-abba": abba,
		"go-wait-group": waitGroup, "go-accept": accept, "go-pipe": pipeRead, "go-flock": flock, "go-child": child, "go-cgo": cgo,
		"go-sleep": sleeping,
	}
	name := ""
	if len(os.Args) == 2 {
		name = strings.TrimSuffix(os.Args[1], "-stripped")
	}
	play, known := scenarios[name]
	if !known {
		fmt.Fprintf(os.Stderr, "hangs SCENARIO: there is no “%s”\n", name)
		os.Exit(64)
	}
	play()
}
