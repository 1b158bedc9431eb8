/* s3-copy-task: the program in the container of every task. */
#include "workers/copy/task.h"

int main(void)
{
    return task_main();
}
