//! What fails while the container is made, and what kills it.

use super::{ANY, EXEC_FORMAT, Row, START, rows};

/// A program that is started, in the words of runc, of Docker and of the shim.
const EXEC: &[&str] =
    &["exec: ", "exec user process", "starting container process", "unable to start container process"];

pub(super) const ROWS: &[Row] = rows! {
    "exec-format" ANY, [&["exec format error"]],
        EXEC_FORMAT.cause, EXEC_FORMAT.fix;
    "user-missing" ANY, [&["/etc/passwd", "/etc/group", "unable to find user", "unable to find group",
        "no matching entries in passwd", "no matching entries in group", "no users found", "unknown user", "invalid user"]],
        "the container's user or group is given by a name that the image does not know",
        "give `user` in the task definition (or USER in the Dockerfile) as numbers, such as 1000:1000, or add the user \
         to the image's /etc/passwd";
    "working-directory" ANY, [&["chdir to cwd", "working directory"]],
        "the container's working directory does not exist in the image, or its user may not enter it",
        "correct workingDirectory in the task definition, or WORKDIR in the Dockerfile";
    "read-only" ANY, [&["read-only file system"]],
        "the container or its start writes to a file system that is read-only",
        "set readonlyRootFilesystem to false, or mount a volume where the image has to write";
    "command-missing" ANY, [&["executable file not found"]],
        "the container's program does not exist in the image",
        "correct command or entryPoint in the task definition, or --command: its first word must be in the image";
    "command-permission" ANY, [EXEC, &["permission denied"]],
        "the container's program may not be executed by its user",
        "make the file executable in the image (chmod +x, or COPY --chmod), readable for the container's user, and no \
         directory";
    "mount-failed" ANY, [&["error mounting", "failed to mount", "mount callback failed", "through procfd"]],
        "a file system could not be mounted into the container",
        "check mountPoints in the task definition: each containerPath has to fit what the image has there (a directory on \
         a directory)";
    "command-file" ANY, [EXEC, &["no such file", "is a directory", "not a directory"]],
        "the container's program does not exist in the image, or the interpreter or loader that it asks for does not",
        "correct command or entryPoint in the task definition, or --command; of a script check its first line (#!) and \
         its line ends, of a program the C library that it was built for";
    "file-missing" START, [&["cannotstartcontainererror", "cannotcreatecontainererror"], &["no such file or directory"]],
        "a file that the container's start needs does not exist: its program, or something that is mounted",
        "check command, entryPoint, workingDirectory and mountPoints in the task definition against the image";
    "memory-too-low" ANY, [&["minimum memory limit", "memory limit too low", "container init was oom-killed"]],
        "the container has too little memory to be started",
        "raise memory in the task definition";
    "runtime-timeout" ANY, [&["containerruntimetimeouterror", "dockertimeouterror",
        "could not transition to running; timed out after waiting"]],
        "the container runtime took too long",
        "try again; if it stays so, give the task more cpu and memory or make the image smaller";
    "out-of-memory" ANY, [&["outofmemoryerror", "container killed due to memory usage"]],
        "the container used more memory than it has and was killed",
        "raise memory in the task definition, or let the migration work in smaller batches";
    "health" &["TaskFailedToStart", "EssentialContainerExited", "UserInitiated"], [&["failed container health checks",
        "container is unhealthy"]],
        "a container of the task failed its health check, and ECS stopped the task",
        "take healthCheck out of the migration's container, or raise its startPeriod, interval and retries";
};
