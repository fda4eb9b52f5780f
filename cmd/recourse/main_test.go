package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/store"
)

// TestMain lets the test binary be the program itself: as the command recourse
// of the test scripts, and as a process of its own that can be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("RECOURSE_TEST_MAIN") {
	case "":
	case "tail":
		if err := tailOnly(os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	default:
		main()
		return
	}
	testscript.Main(m, map[string]func(){"recourse": main})
}

// tailOnly reads the logs once, as watch does, into a data folder, without what
// follows the store.
func tailOnly(data string) (err error) {
	memorySize(256 << 20).limit()
	from := harper.CredentialsFromEnv(os.LookupEnv)
	client, err := harper.New(harper.Options{Target: from.Target, Username: from.Username, Password: from.Password})
	if err != nil {
		return err
	}
	db, err := store.Open(filepath.Join(data, "store"), store.Options{Memory: memorySize(256 << 20).store()})
	if err != nil {
		return err
	}
	defer closeWith(&err, db.Close)
	_, err = ingest.NewTailer(ingest.Options{Server: client, Store: db}).Once(context.Background())
	return err
}
