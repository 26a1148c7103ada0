"""infra/up and infra/down against MiniStack, with the AWS CLI that is on PATH.

    python drive.py [TEST…]

Run it with a Python that has tests/fidelity/requirements-ministack.txt. It needs bash, and the AWS CLI as `aws`. With
PROGRAM, the path of fargate-migrate, the policies of the roles are compared with what `iam` prints, and a plan is made
from the configuration file that infra/up writes. With PSQL and POSTGRES (a superuser's address), the task that makes
databases is run against that server. With ACCOUNT, a path, what the stacks made is written there as JSON.
"""

import faulthandler
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

import botocore.session
import yaml

HERE = pathlib.Path(__file__).resolve().parent
INFRA = HERE.parent.parent / "infra"
# Not us-east-1: there, version 1 of the AWS CLI asks rds.amazonaws.com, whatever AWS_ENDPOINT_URL says.
REGION = "eu-central-1"
GITHUB = ["--github", "acme/shop", "--github-owner-id", "1001", "--github-repository-id", "2002"]
EVERYTHING = [
    "--network", "public", "--database", "--databases", "shop_prod,shop_test", "--command", "app,migrate", *GITHUB
]
READS = re.compile(r"(describe|get|list)-|get-caller-identity$")


def digest(letter):
    return "sha256:" + letter * 64


class World:
    """An account of its own, and a repository from which the scripts are started."""

    def __init__(self):
        self.server = subprocess.Popen(
            [sys.executable, "-B", HERE / "ministack_server.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        port = self.server.stdout.readline().strip()
        assert port, "MiniStack does not start"
        self.endpoint = f"http://127.0.0.1:{port}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="infra-"))
        self.repository = self.directory / "repository"
        (self.repository / "bin").mkdir(parents=True)
        self.calls = self.directory / "aws"
        self.variables = self.directory / "gh"
        program = shutil.which("aws")
        assert program, "no aws on PATH"
        python = pathlib.Path(program).read_text().split("\n", 1)[0].removeprefix("#!")
        socket = self.directory / "socket"
        self.cli = subprocess.Popen(
            [python, "-B", HERE / "aws_server.py", socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.cli.stdout.readline(), "the AWS CLI does not start"
        client = f'{sys.executable} -IBS {HERE / "aws_server.py"} {socket}'
        self.aws = f'printf "%s\\n" "$1 $2" >> {self.calls}\nPRETEND\nexec {client} "$@"'
        self.command("aws", self.aws.replace("PRETEND", ":"))
        self.environments = self.directory / "environments"
        self.command("gh", textwrap.dedent(f"""
            case "$1 $2" in
              variable*) printf "%s\\n" "$*" >> {self.variables} ;;
              "api repos/"*/deployment-branch-policies) cat {self.environments}.branches 2> /dev/null || true ;;
              "api repos/"*/environments/*) cat {self.environments} 2> /dev/null || {{ echo "gh: Not Found (HTTP 404)"; exit 1; }} ;;
              "api repos/missing/"*) exit 1 ;;
              "api repos/"*) echo "1001 2002 acme/shop" ;;
              "api --silent") printf "%s\\n" "$*" >> {self.variables} ;;
            esac"""))
        self.environment = {
            "PATH": f"{self.repository / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "INFRA_POLL": "0.1",
        }
        self.session = botocore.session.get_session()

    def command(self, name, script):
        path = self.repository / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def close(self):
        for process in (self.cli, self.server):
            process.stdin.close()
            process.wait()
            process.stdout.close()
        shutil.rmtree(self.directory)

    def client(self, service):
        return self.session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def start(self, script, *arguments):
        return subprocess.Popen(
            ["bash", INFRA / script, "--name", "shop", *arguments],
            cwd=self.repository,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # bash cannot undo that a signal is ignored, as it is below a shell that runs its tests in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, script, *arguments, code=0):
        """Runs a script to its end. Returns what it printed, without the notes on quotas that MiniStack does not have."""
        self.calls.unlink(missing_ok=True)
        process = self.start(script, *arguments)
        said = process.communicate(timeout=600)[0]
        assert process.returncode == code, f"{script} {arguments}: exit code {process.returncode}\n{said}"
        return "".join(line + "\n" for line in said.splitlines() if not line.startswith("note: the quota of"))

    def operations(self):
        """The operations of the AWS CLI that the last script called."""
        return [line.split()[1] for line in self.calls.read_text().splitlines() if not line.startswith("configure")]

    def changes(self):
        return [one for one in self.operations() if not READS.match(one)]

    def pretend(self, call, answer):
        """From now on the AWS CLI answers a call, such as `ecs list-tasks`, by this shell command."""
        self.command("aws", self.aws.replace("PRETEND", f'if [ "$1 $2" = "{call}" ]; then {answer}; fi'))

    def stacks(self):
        described = self.client("cloudformation").describe_stacks()["Stacks"]
        return {one["StackName"]: one for one in described if one["StackStatus"] != "DELETE_COMPLETE"}

    def outputs(self, stack):
        return {one["OutputKey"]: one["OutputValue"] for one in self.stacks()[stack]["Outputs"]}

    def service(self):
        return self.client("ecs").describe_services(cluster="shop-cluster", services=["shop-web"])["services"][0]

    def leftovers(self):
        """What is there besides stacks, of the kinds that the templates make."""
        ec2, iam, ecs = self.client("ec2"), self.client("iam"), self.client("ecs")
        clusters = [one["clusterName"] for one in ecs.describe_clusters()["clusters"] if one["status"] == "ACTIVE"]
        return {
            "vpcs": [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"] if not one["IsDefault"]],
            "addresses": ec2.describe_addresses()["Addresses"],
            "nat gateways": ec2.describe_nat_gateways()["NatGateways"],
            "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
            "security groups": [
                one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"] if one["GroupName"] != "default"
            ],
            "subnet groups": self.client("rds").describe_db_subnet_groups()["DBSubnetGroups"],
            "roles": [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("shop")],
            "repositories": self.client("ecr").describe_repositories()["repositories"],
            "clusters": [name for name in clusters if name != "default"],
            "log groups": self.client("logs").describe_log_groups()["logGroups"],
            "secrets": [one["Name"] for one in self.client("secretsmanager").list_secrets()["SecretList"]],
            "databases": self.client("rds").describe_db_instances()["DBInstances"],
            "load balancers": self.client("elbv2").describe_load_balancers()["LoadBalancers"],
            "target groups": self.client("elbv2").describe_target_groups()["TargetGroups"],
            "parameters": self.client("ssm").describe_parameters()["Parameters"],
        }

    def image(self, letter):
        return f"000000000000.dkr.ecr.{REGION}.amazonaws.com/shop-backend@{digest(letter)}"

    def deploy(self, letter, runs=True):
        """Registers a revision with another image, as `deploy` does. With `runs` false ECS has rolled it back."""
        ecs = self.client("ecs")
        definition = ecs.describe_task_definition(taskDefinition=self.service()["taskDefinition"])["taskDefinition"]
        keys = ["family", "containerDefinitions", "requiresCompatibilities", "networkMode", "cpu", "memory",
                "executionRoleArn", "taskRoleArn", "runtimePlatform"]
        definition["containerDefinitions"][0]["image"] = self.image(letter)
        revision = ecs.register_task_definition(**{key: definition[key] for key in keys})["taskDefinition"]
        arn = revision["taskDefinitionArn"]
        if runs:
            ecs.update_service(cluster="shop-cluster", service="shop-web", taskDefinition=arn)
        return arn


class Scripts(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def test_a_plan_changes_nothing(self):
        world = self.world
        before = world.leftovers()
        said = world.run("up", *EVERYTHING, "--plan")
        self.assertEqual(world.changes(), [])
        for stack in ["shop-network", "shop-database", "shop-platform", "github-oidc-provider", "shop-github"]:
            self.assertIn(f"create  the stack {stack}\n", said)
        self.assertIn("create  the service-linked role of ECS\n", said)
        self.assertFalse((world.repository / ".github").exists())
        self.assertIn("delete  nothing\n", world.run("down", "--plan"))
        self.assertEqual((world.stacks(), world.leftovers()), ({}, before))

        world.run("up", *EVERYTHING)
        said = world.run("up", "--plan", "--network", "nat", "--set", "platform.KeepImages=50")
        self.assertEqual(world.changes(), [])
        self.assertIn("update  the stack shop-network\n          WayOut: public → nat\n", said)
        self.assertIn("update  the stack shop-platform\n          KeepImages: 100 → 50\n", said)
        self.assertIn("keep    the stack shop-database\n", said)
        self.assertIn("maybe   update the stack shop-github, from new outputs of shop-platform\n", said)
        said = world.run("down", "--plan")
        self.assertEqual(world.changes(), [])
        self.assertIn("keep    the stack shop-database: its databases. Delete it with --with-database\n", said)
        self.assertEqual(len(world.stacks()), 5)

    def test_up_again_changes_nothing_and_down_leaves_nothing(self):
        world = self.world
        before = world.leftovers()
        for _ in range(2):
            world.variables.unlink(missing_ok=True)
            said = world.run("up", *EVERYTHING)
            self.assertIn("shop-platform: created in", said)
            self.assertEqual(
                yaml.safe_load((world.repository / ".github/fargate-migrate.yml").read_text()),
                {
                    "cluster": "shop-cluster",
                    "task-definition": "shop-migration-task",
                    "repository": "shop-backend",
                    "region": REGION,
                    "subnets": ["tag:Name=shop-public-subnet-*"],
                    "security-groups": ["tag:Name=shop-backend-sg"],
                    "assign-public-ip": True,
                    "databases": ["shop_prod", "shop_test"],
                },
            )
            roles = {"PLAN": "plan", "BUILD": "build", "MIGRATE": "migrate", "ADMIN": "admin"}
            environment = "repos/acme/shop/environments/production"
            self.assertEqual(
                world.variables.read_text().splitlines(),
                # The environment before the roles that trust it.
                [f"api --silent --method PUT {environment} --input -",
                 f"api --silent --method POST {environment}/deployment-branch-policies --raw-field name=main"]
                + [f"variable set {name}_ROLE --repo acme/shop --body arn:aws:iam::000000000000:role/shop-{role}"
                   for name, role in roles.items()],
            )
            self.assertLess(said.index("  the environment production"), said.index("  shop-github: created"))
            self.assertIn("the environment production of acme/shop: for the branch main\n", said)

            # Without a flag: what is there keeps its parameters.
            said = world.run("up")
            self.assertEqual(said.count(": unchanged\n"), 6, said)
            self.assertEqual(set(world.changes()), {"update-stack"})

            said = world.run("down", code=2)
            self.assertIn("hint: pass --yes; nothing was changed", said)
            self.assertEqual(world.changes(), [])
            said = world.run("down", "--yes")
            self.assertIn("keep    the stack shop-network: the database server is in it\n", said)
            self.assertEqual(set(world.stacks()), {"shop-network", "shop-database", "github-oidc-provider"})
            said = world.run("down", "--yes", "--with-database")
            self.assertRegex(said, r"kept: the snapshot \S+, which is billed")
            self.assertEqual(set(world.stacks()), {"github-oidc-provider"})
            self.assertIn("delete  nothing\n", world.run("down", "--yes", "--with-database"))
            self.assertEqual(world.leftovers(), before)

    def test_each_way_out_and_from_one_to_another(self):
        world = self.world
        before = world.leftovers()
        found = {"nat": (1, 1, 1), "endpoints": (0, 0, 5), "public": (0, 0, 1)}
        # Made, changed, deleted; and made again where the first round has been.
        for ways in [["nat", "endpoints", "public"], ["endpoints", "nat"], ["nat"]]:
            for way in ways:
                world.run("up", "--network", way, "--database")
                left = world.leftovers()
                kinds = ("addresses", "nat gateways", "endpoints")
                self.assertEqual(tuple(len(left[kind]) for kind in kinds), found[way], way)
                platform, network = world.outputs("shop-platform"), world.outputs("shop-network")
                self.assertEqual(platform["TaskSubnets"], network["TaskSubnets"], way)
                kind = "public" if way == "public" else "private"
                self.assertEqual(platform["TaskSubnetNames"], f"tag:Name=shop-{kind}-subnet-*")
                self.assertEqual(platform["AssignPublicIp"], "true" if way == "public" else "false")
            world.run("down", "--yes", "--with-database")
            self.assertEqual(world.leftovers(), before, ways)

    def test_an_interrupted_run_is_continued(self):
        world = self.world
        process = world.start("up", *EVERYTHING)
        for line in process.stdout:
            if "shop-network: created" in line:
                break
        said = self.interrupt(process, signal.SIGINT)
        self.assertIn("interrupted\n", said)
        self.assertNotIn("shop-platform", world.stacks())
        said = world.run("up", *EVERYTHING)
        self.assertIn("shop-network: unchanged\n", said)
        self.assertEqual(len(world.stacks()), 5)

        # The task that makes databases goes on when the script is interrupted.
        looks = world.directory / "looks"
        world.command("aws", world.aws.replace("PRETEND", textwrap.dedent(f"""
            case "$*" in
              *list-tasks*--family*) echo arn:aws:ecs:x:0:task/shop-cluster/left; exit ;;
              *describe-tasks*/left*) echo left >> {looks}
                if [ "$(wc -l < {looks})" -gt 2 ]; then printf "STOPPED\\t0\\tNone\\tNone\\n"; else printf "RUNNING\\tNone\\n"; fi; exit ;;
            esac""")))
        said = world.run("up", *EVERYTHING)
        self.assertIn("the task shop-databases of an earlier run: waiting for its end\n", said)
        operations = world.operations()
        self.assertEqual(operations[operations.index("list-tasks"):][:5], ["list-tasks", *["describe-tasks"] * 3, "run-task"])
        world.command("aws", world.aws.replace("PRETEND", ":"))

        process = world.start("down", "--yes")
        for line in process.stdout:
            if "shop-github: deleted" in line:
                break
        self.interrupt(process, signal.SIGTERM)
        world.run("down", "--yes")
        self.assertNotIn("shop-platform", world.stacks())

    def interrupt(self, process, number):
        """Ends a script as a terminal does, by a signal to all its processes, and once more as long as bash loses it."""
        for _ in range(100):
            os.killpg(process.pid, number)
            try:
                said = process.communicate(timeout=0.5)[0]
                break
            except subprocess.TimeoutExpired:
                pass
        # By the signal, or by that with which it ends itself where bash has lost a Ctrl-C.
        self.assertIn(-process.returncode, (number, signal.SIGTERM), said)
        self.assertIn("\ninterrupted\n", said)
        return said

    def test_a_stack_update_leaves_what_runs(self):
        world = self.world
        world.run("up", *EVERYTHING)
        self.assertIn("the service has no image\n", world.run("up", "--service", code=2))
        said = world.run("up", *EVERYTHING, "--service", "--image", world.image("a"))
        self.assertIn("shop-service: created in", said)
        self.assertIn("    services: [shop-web]\n", said)
        self.assertIn("shop-github: updated in", said)
        self.assertIn("variable set DEPLOY_ROLE", world.variables.read_text())
        self.assertIn("--body /shop/service-revision", world.variables.read_text())
        first = world.service()["taskDefinition"]
        ssm, cloudformation = world.client("ssm"), world.client("cloudformation")

        def recorded():
            return ssm.get_parameter(Name="/shop/service-revision")["Parameter"]["Value"]

        self.assertEqual(recorded(), first)

        # After a deployment, and the count that autoscaling has chosen.
        good = world.deploy("b")
        world.client("ecs").update_service(cluster="shop-cluster", service="shop-web", desiredCount=3)
        world.run("up", "--set", "service.MinTasks=2", "--set", "service.HealthPath=/ready", "--set", "service.Cpu=512")
        self.assertEqual((world.service()["taskDefinition"], world.service()["desiredCount"]), (good, 3))
        self.assertEqual(recorded(), good)

        # After a deployment that ECS has rolled back: the family's newest revision is the bad one.
        bad = world.deploy("c", runs=False)
        newest = world.client("ecs").describe_task_definition(taskDefinition="shop-web")["taskDefinition"]
        self.assertEqual(newest["taskDefinitionArn"], bad)
        world.run("up", "--network", "nat", "--set", "service.MinTasks=1")
        self.assertEqual((world.service()["taskDefinition"], world.service()["desiredCount"]), (good, 3))
        self.assertEqual(
            world.service()["networkConfiguration"]["awsvpcConfiguration"]["subnets"],
            world.outputs("shop-network")["PrivateSubnets"].split(","),
        )

        # From the console, after a deployment whose last step has recorded it.
        better = world.deploy("d")
        ssm.put_parameter(Name="/shop/service-revision", Value=better, Overwrite=True)
        world.deploy("e", runs=False)
        parameters = [
            {"ParameterKey": one["ParameterKey"]}
            | ({"ParameterValue": "45"} if one["ParameterKey"] == "TargetCpu" else {"UsePreviousValue": True})
            for one in world.stacks()["shop-service"]["Parameters"]
        ]
        cloudformation.update_stack(StackName="shop-service", UsePreviousTemplate=True, Parameters=parameters)
        cloudformation.get_waiter("stack_update_complete").wait(
            StackName="shop-service", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        self.assertEqual((world.service()["taskDefinition"], world.service()["desiredCount"]), (better, 3))

        # An update that fails is taken back to what runs, not to what ran at the update before.
        best = world.deploy("f")
        said = world.run("up", "--set", "service.TargetCpu=13", "--set", "service.GracePeriod=61", code=1)
        self.assertIn("update stack shop-service: UPDATE_ROLLBACK_COMPLETE", said)
        self.assertIn("unlucky", said)
        self.assertEqual((world.service()["taskDefinition"], world.service()["desiredCount"]), (best, 3))

        # CloudFormation is content with a service that ECS has taken back.
        for number, (answers, code, sentence) in enumerate([
            (["new\\tROLLBACK_SUCCESSFUL\\tunhealthy tasks"], 1,
             "the stack shop-service is UPDATE_COMPLETE, but the deployment of its service is ROLLBACK_SUCCESSFUL: unhealthy"),
            (["new\\tSTOPPED\\tNone"], 1, "the deployment of its service is STOPPED"),
            (["new\\tPENDING\\tNone", "new\\tIN_PROGRESS\\tNone", "new\\tSUCCESSFUL\\tNone"], 0, "shop-service: updated in"),
        ]):
            # In the preflight, before the update, and after it.
            self.deployments_are(["old\\tSUCCESSFUL\\tNone"] * 2 + answers)
            said = world.run("up", "--set", f"service.GracePeriod={70 + number}", code=code)
            self.assertIn(sentence, said)
        # Another run finds nothing to change, and says it once more.
        self.deployments_are(["new\\tROLLBACK_SUCCESSFUL\\tunhealthy tasks"])
        said = world.run("up")
        self.assertIn("  shop-service: unchanged\nnote: the newest deployment of the service shop-web is ROLLBACK_SUCCESSFUL: unhealthy", said)
        # An AWS CLI of before November 2024.
        world.pretend("ecs list-service-deployments", 'echo "aws: error: argument operation: Invalid choice" >&2; exit 252')
        self.assertIn("and an AWS CLI of November 2024 or newer", world.run("up", "--set", "service.GracePeriod=80", code=1))
        self.assertEqual(world.changes(), [])
        world.command("aws", world.aws.replace("PRETEND", ":"))

        # While a deployment is under way, nothing is known.
        self.assertIn("a deployment of the service shop-web is under way", self.during("2\\tIN_PROGRESS"))
        self.assertIn("has failed, and there was none before", self.during("1\\tFAILED"))

        world.run("down", "--yes", "--with-database")
        self.assertEqual(set(world.stacks()), {"github-oidc-provider"})
        # The parameter had a revision that the next service does not have.
        world.run("up", *EVERYTHING)
        world.run("up", *EVERYTHING, "--service", "--image", world.image("a"))
        definition = world.client("ecs").describe_task_definition(taskDefinition=world.service()["taskDefinition"])
        self.assertEqual(definition["taskDefinition"]["containerDefinitions"][0]["image"], world.image("a"))

    def deployments_are(self, answers):
        """What ECS says of the service's newest deployment, look by look; the last answer stays."""
        queue = self.world.directory / "deployments"
        queue.write_text("".join(f"arn:aws:ecs:x:0:service-deployment/{one}\n" for one in answers))
        self.world.pretend(
            "ecs list-service-deployments",
            f'printf "$(head -n 1 {queue})\\n"; [ "$(wc -l < {queue})" -eq 1 ] || sed -i.old 1d {queue}; exit',
        )

    def during(self, state):
        world = self.world
        answer = f"arn:aws:ecs:x:0:task-definition/shop-web:9\\t{state}"
        real = (world.repository / "bin/aws").read_text()
        world.command("aws", f'case "$*" in *describe-services*) printf "{answer}\\n"; exit;; esac\n' + real)
        said = world.run("up", code=2)
        self.assertEqual(world.changes(), [])
        (world.repository / "bin/aws").write_text(real)
        return said

    def test_a_certificate_comes_and_goes(self):
        world = self.world
        world.run("up", *EVERYTHING, "--service", "--image", world.image("a"), "--set", "service.TargetCpu=13", code=1)
        # It has its image from the first try.
        said = world.run("up", "--set", "service.TargetCpu=60")
        self.assertIn("shop-service: ROLLBACK_COMPLETE, so it is deleted and made again\n", said)
        balancers = world.client("elbv2")

        def listeners():
            found = balancers.describe_load_balancers()["LoadBalancers"]
            (arn,) = [one["LoadBalancerArn"] for one in found if one["LoadBalancerName"].startswith("shop")]
            found = balancers.describe_listeners(LoadBalancerArn=arn)["Listeners"]
            return {one["Port"]: (one["Protocol"], one["DefaultActions"][0]["Type"]) for one in found}

        plain = {80: ("HTTP", "forward")}
        self.assertEqual(listeners(), plain)
        service = world.service()
        certificate = f"arn:aws:acm:{REGION}:000000000000:certificate/0f1e2d3c"
        world.run("up", "--certificate", certificate)
        self.assertEqual(listeners(), {80: ("HTTP", "redirect"), 443: ("HTTPS", "forward")})
        world.run("up", "--set", "service.CertificateArn=")
        self.assertEqual(listeners(), plain)
        self.assertEqual(world.service()["taskDefinition"], service["taskDefinition"])

    def test_a_network_and_a_database_that_are_there(self):
        world = self.world
        world.run("up", "--network", "nat", "--database")
        network, database = world.outputs("shop-network"), world.outputs("shop-database")
        names = ["--name", "other", "--vpc", network["VpcId"], "--subnets", network["PrivateSubnets"]]
        said = world.run("up", *names, "--database-secret", "arn:aws:secretsmanager:x:000000000000:secret:none", code=2)
        self.assertIn("error: look for the secret:", said)
        other = [
            *names, "--public-subnets", network["PublicSubnets"], "--database-secret", database["SecretArn"],
            "--database-security-group", database["SecurityGroupId"], "--database-host", "db.internal",
            "--config", "other.yml",
        ]
        before = world.leftovers()
        world.run("up", *other)
        self.assertEqual(set(world.stacks()), {"shop-network", "shop-database", "shop-platform", "other-platform"})
        file = yaml.safe_load((world.repository / "other.yml").read_text())
        self.assertEqual(file["subnets"], network["PrivateSubnets"].split(","))
        ecs = world.client("ecs")
        definition = ecs.describe_task_definition(taskDefinition="other-migration-task")["taskDefinition"]
        container = definition["containerDefinitions"][0]
        self.assertIn({"name": "DATABASE_HOST", "value": "db.internal"}, container["environment"])
        self.assertEqual([one["name"] for one in container["secrets"]], ["DATABASE_USER", "DATABASE_PASSWORD"])
        groups = world.client("ec2").describe_security_groups(GroupIds=[database["SecurityGroupId"]])["SecurityGroups"]
        admitted = {pair["GroupId"] for rule in groups[0]["IpPermissions"] for pair in rule["UserIdGroupPairs"]}
        self.assertEqual(
            admitted, {world.outputs(f"{name}-platform")["SecurityGroup"] for name in ("shop", "other")}
        )
        for arguments, error in [
            (["--database"], "the platform has a database server that is there"),
            (["--network", "public"], "the platform is in a network that is there"),
            (["--vpc", "vpc-1", "--subnets", "subnet-1"], f"the platform is in {network['VpcId']}"),
        ]:
            self.assertIn(error, world.run("up", "--name", "other", *arguments, code=2))
            self.assertEqual(world.changes(), [])
        # Changed, with a service; deleted and made again.
        image = world.image("a").replace("shop-backend", "other-backend")
        world.run("up", "--name", "other", "--set", "platform.Memory=1024")
        definition = ecs.describe_task_definition(taskDefinition="other-migration-task")["taskDefinition"]
        self.assertEqual(definition["memory"], "1024")
        said = world.run("up", *other, "--service", "--service-database", "a", "--image", image)
        self.assertRegex(said, r"  the service: http://\S+\n")
        world.run("down", "--name", "other", "--yes")
        self.assertEqual(world.leftovers(), before)
        world.run("up", *other)
        # The rule goes with the stack that made it.
        world.run("down", "--name", "other", "--yes")
        groups = world.client("ec2").describe_security_groups(GroupIds=[database["SecurityGroupId"]])["SecurityGroups"]
        self.assertEqual(len(groups[0]["IpPermissions"]), 1)

    def test_what_is_wrong_is_named_before_anything_is_changed(self):
        world = self.world
        for arguments, error in [
            ([], "the tasks have no network"),
            (["--network", "public"], "the migrations have no database"),
            (["--network", "wifi"], "invalid value 'wifi' for '--network'"),
            (["--name", "Shop"], "invalid value 'Shop' for '--name'"),
            (["--databases", "all"], "invalid database 'all'"),
            (["--databases", "a b"], "invalid database 'a b'"),
            (["--databases", 'a"b'], "invalid database 'a\"b'"),
            (["--set", "platform.Command"], "invalid value 'platform.Command' for '--set'"),
            (["--set", "platform.Nothing=1"], "does not have the parameter 'Nothing'"),
            (["--github", "acme"], "invalid value 'acme' for '--github'"),
            ([*EVERYTHING[:3], "--github", "missing/shop"], "the numbers of missing/shop on GitHub are not known"),
            (["--vpc", "vpc-1"], "--vpc needs --subnets"),
            (["--network", "endpoints", "--database", "--databases", "a"], "cannot pull its image from public.ecr.aws"),
            (["--nonsense"], "unknown argument '--nonsense'"),
            (["--vpc", "vpc-1", "--subnets", "subnet-1", "--database"], "the database needs subnets in two zones"),
            (["--name", "aws-shop"], "invalid value 'aws-shop' for '--name'"),
            (["--name", "sh--op"], "invalid value 'sh--op' for '--name'"),
            (["--network", "public", "--public-ip"], "--public-ip needs --vpc"),
            (["--network", "public", "--public-subnets", "subnet-1"], "--public-subnets needs --vpc"),
            ([*EVERYTHING[:3], "--database-secret", "arn:x"], "--database cannot be used with --database-secret"),
            ([*EVERYTHING[:3], "--database-port", "5433"], "--database-secret and its like name another server"),
            ([*EVERYTHING[:3], "--set", "network.Name=other"], "names the stack's objects differently"),
            ([*EVERYTHING[:3], "--service", "--service-database", "a"], "the service has no image"),
        ]:
            said = world.run("up", *arguments, code=2)
            self.assertIn(error, said)
            self.assertIn("\nhint: ", "\n" + said)
        world.client("ecr").create_repository(repositoryName="shop-backend")
        world.client("logs").create_log_group(logGroupName="/ecs/shop-migrations")
        world.client("iam").create_role(RoleName="shop-plan", AssumeRolePolicyDocument="{}")
        said = world.run("up", *EVERYTHING, code=2)
        for one in ["the repository shop-backend", "the log group /ecs/shop-migrations", "the role shop-plan"]:
            self.assertIn(f"error: {one} is there already", said)
        self.assertIn("problems: 3; nothing was changed\n", said)
        self.assertEqual((world.changes(), world.stacks()), ([], {}))

    def test_what_would_not_last_or_is_half_gone_is_named(self):
        world = self.world
        world.run("up", *EVERYTHING[:3], "--github", "Acme/Shop")
        github = {one["ParameterKey"]: one["ParameterValue"] for one in world.stacks()["shop-github"]["Parameters"]}
        self.assertEqual(github["GithubRepository"], "acme/shop")
        branches = world.environments.with_suffix(".branches")
        for policy, names, said in [
            ("open", "", "is not restricted to the branch main: it is there without a rule"),
            ("protected", "", "is not restricted to the branch main: it admits all protected branches"),
            ("custom", "develop\n", "is not restricted to the branch main: its rule is develop"),
            ("custom", "main\nrelease/*\n", "is not restricted to the branch main: its rule is main, release/*"),
            # A run was interrupted here.
            ("custom", "", "the environment production of acme/shop: for the branch main\n"),
        ]:
            world.environments.write_text(policy + "\n")
            branches.write_text(names)
            self.assertIn(said, world.run("up"))
        branches.write_text("main\n")
        self.assertNotIn("environment production", world.run("up"))
        for arguments, error in [
            (["--database-secret", "arn:x"], "--database-secret and its like name another server"),
            (["--set", "platform.TaskSubnets=subnet-1"], "another stack gives platform.TaskSubnets"),
            (["--set", "network.CidrPrefix=10.77"], "network.CidrPrefix cannot change"),
            (["--vpc", "vpc-1", "--subnets", "subnet-1"], "and --vpc names another network"),
        ]:
            self.assertIn(error, world.run("up", *arguments, code=2))
            self.assertEqual(world.changes(), [])
        world.pretend("service-quotas get-service-quota", "echo 0; exit")
        self.assertIn("the quota of Elastic IP addresses per Region is 0", world.run("up", "--network", "nat", code=2))
        self.assertEqual(world.changes(), [])
        world.command("aws", world.aws.replace("PRETEND", ":"))
        # What follows from a change is in the plan.
        said = world.run("up", "--plan", "--network", "nat")
        self.assertIn("maybe   update the stack shop-platform, from new outputs of shop-network\n", said)
        for status, error in [
            ("DELETE_FAILED", "end that with infra/down --name shop (the database and its network: --with-database)"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name shop-database"),
        ]:
            world.pretend("cloudformation describe-stacks", f'case "$*" in *shop-database*) printf "status\\t{status}\\n'
                          'tag:fargate-migrate\\tshop\\n"; exit;; esac')
            self.assertIn(error, world.run("up", code=2))
            self.assertEqual(world.changes(), [])
        world.command("aws", world.aws.replace("PRETEND", ":"))

        ecs = world.client("ecs")
        ecs.run_task(cluster="shop-cluster", taskDefinition="shop-migration-task")
        world.pretend("ecs list-tasks", 'echo "An error occurred (ExpiredTokenException): expired" >&2; exit 254')
        said = world.run("down", "--yes", code=1)
        self.assertIn("error: list the tasks of shop-cluster: An error occurred (ExpiredTokenException)", said)
        self.assertEqual(world.changes(), [])

    def test_what_another_has_made_stays(self):
        world = self.world
        body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        cloudformation = world.client("cloudformation")
        cloudformation.create_stack(StackName="shop-platform", TemplateBody=body)
        for script, arguments in [("up", EVERYTHING), ("down", ["--yes"])]:
            said = world.run(script, *arguments, code=2)
            self.assertIn("the stack shop-platform was not made by infra/up", said)
            self.assertEqual(world.changes(), [])
        cloudformation.delete_stack(StackName="shop-platform")

        world.run("up", *EVERYTHING[:3])
        world.client("ecs").register_task_definition(family="x", containerDefinitions=[{"name": "x", "image": "x"}])
        world.client("ecs").create_service(cluster="shop-cluster", serviceName="x", taskDefinition="x")
        said = world.run("down", "--yes", code=2)
        self.assertIn("the service x in shop-cluster is not of a stack of --name shop", said)
        self.assertEqual(world.changes(), [])

    def test_down_stops_tasks_and_says_what_holds_a_stack(self):
        world = self.world
        world.run("up", *EVERYTHING[:3], "--set", "platform.EmptyOnDelete=false")
        ecs = world.client("ecs")
        for _ in range(3):
            ecs.run_task(cluster="shop-cluster", taskDefinition="shop-migration-task")
        world.client("ecr").put_image(
            repositoryName="shop-backend", imageTag="one",
            imageManifest='{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}',
        )
        said = world.run("down", "--yes", code=2)
        self.assertIn("the repository shop-backend has images: 1, and EmptyOnDelete is false", said)
        world.run("up", "--set", "platform.EmptyOnDelete=true")
        said = world.run("down", "--yes")
        self.assertIn("the repository shop-backend, images: 1\n", said)
        self.assertIn("tasks in shop-cluster: stopping 3\n", said)
        self.assertNotIn("shop-platform", world.stacks())

    def test_what_an_account_may_have_is_met(self):
        world = self.world
        iam, secrets = world.client("iam"), world.client("secretsmanager")
        url = "https://token.actions.githubusercontent.com"
        # MiniStack cannot add an audience to one.
        provider = iam.create_open_id_connect_provider(Url=url, ClientIDList=["another"])["OpenIDConnectProviderArn"]
        said = world.run("up", *EVERYTHING, code=2)
        self.assertIn("does not have the audience sts.amazonaws.com", said)
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
        iam.create_open_id_connect_provider(Url=url, ClientIDList=["another", "sts.amazonaws.com"])
        gone = secrets.create_secret(Name="gone", SecretString="{}")["ARN"]
        secrets.delete_secret(SecretId=gone)
        key = f"arn:aws:kms:{REGION}:000000000000:key/0f1e2d3c"
        locked = secrets.create_secret(Name="locked", SecretString="{}", KmsKeyId=key)["ARN"]
        for secret, error in [(gone, "is scheduled for deletion"), (locked, f"is encrypted with the key {key}")]:
            said = world.run("up", "--network", "public", "--database-secret", secret, code=2)
            self.assertIn(error, said)
            self.assertEqual(world.changes(), [])

        # Someone else is faster, and what list-roles says is old.
        world.pretend("iam create-service-linked-role", 'echo "AWSServiceRoleForECS has been taken in this account" >&2; exit 254')
        world.run("up", *EVERYTHING)
        operations = world.operations()
        self.assertLess(operations.index("create-service-linked-role"), operations.index("create-stack"))
        self.assertNotIn("github-oidc-provider", world.stacks())

        # A deletion that does not come about is tried three times.
        world.pretend("cloudformation delete-stack", "exit")
        said = world.run("down", "--yes", code=1)
        self.assertIn(f"--region {REGION} --deletion-mode FORCE_DELETE_STACK --stack-name shop-github", said)
        self.assertEqual(world.operations().count("delete-stack"), 3)
        world.command("aws", world.aws.replace("PRETEND", ":"))
        world.run("down", "--yes", "--with-database")
        self.assertEqual(world.stacks(), {})
        self.assertEqual(
            iam.list_open_id_connect_providers()["OpenIDConnectProviderList"], [{"Arn": provider}], "it is not ours"
        )

        # What MiniStack does not look at.
        self.assertIn("--capabilities CAPABILITY_NAMED_IAM", (INFRA / "stacks.sh").read_text())
        for template in INFRA.glob("*.yaml"):
            self.assertNotIn("Export:", template.read_text(), "an export pins the stack that has it")

    def test_a_stack_that_was_never_made_is_made_again(self):
        world = self.world
        cloudformation = world.client("cloudformation")
        cloudformation.create_stack(
            StackName="shop-network",
            TemplateBody=(INFRA / "network.yaml").read_text().replace("\nOutputs:\n", textwrap.dedent("""
              Broken:
                Type: AWS::EC2::NatGateway
                Properties: { AllocationId: none, SubnetId: !Ref PublicSubnet1 }

            Outputs:
            """)),
            Parameters=[{"ParameterKey": "Name", "ParameterValue": "shop"},
                        {"ParameterKey": "CidrPrefix", "ParameterValue": "10.99"}],
            Tags=[{"Key": "fargate-migrate", "Value": "shop"}],
        )
        with self.assertRaises(Exception):
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName="shop-network", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
            )
        self.assertEqual(world.stacks()["shop-network"]["StackStatus"], "ROLLBACK_COMPLETE")
        said = world.run("up", *EVERYTHING[:3])
        self.assertIn("shop-network: ROLLBACK_COMPLETE, so it is deleted and made again\n", said)
        self.assertEqual(world.stacks()["shop-network"]["StackStatus"], "CREATE_COMPLETE")
        # With the parameters that it had.
        vpcs = [one["CidrBlock"] for one in world.client("ec2").describe_vpcs()["Vpcs"]]
        self.assertIn("10.99.0.0/16", vpcs)

    def test_objects_are_as_they_should_be(self):
        """What no linter sees."""
        world = self.world
        world.run("up", *EVERYTHING)
        world.run("up", *EVERYTHING, "--service", "--image", world.image("a"))
        ecs, iam = world.client("ecs"), world.client("iam")
        policy = json.loads(world.client("ecr").get_lifecycle_policy(repositoryName="shop-backend")["lifecyclePolicyText"])
        self.assertEqual([rule["selection"]["tagStatus"] for rule in policy["rules"]], ["untagged", "any"])
        self.assertEqual([rule["rulePriority"] for rule in policy["rules"]], [1, 2])
        for family in ["shop-migration-task", "shop-databases", "shop-web"]:
            definition = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
            [container] = definition["containerDefinitions"]
            names = [one["name"] for one in container["environment"] + container["secrets"]]
            self.assertEqual(len(names), len(set(names)), family)
            self.assertLessEqual(container.get("stopTimeout", 30), 120)
            self.assertEqual(definition["runtimePlatform"]["cpuArchitecture"], "X86_64")
            for secret in container["secrets"]:
                self.assertRegex(secret["valueFrom"], r"^arn:aws:secretsmanager:.*:(username|password|host|port)::$")
        definition = ecs.describe_task_definition(taskDefinition="shop-migration-task")["taskDefinition"]
        [container] = definition["containerDefinitions"]
        self.assertEqual(container["environment"], [{"name": "DATABASE_NAME", "value": "__set-by-fargate-migrate__"}])
        self.assertEqual(container["logConfiguration"]["options"]["mode"], "blocking")
        self.assertTrue(container["image"].endswith("/shop-backend:none-yet"))
        self.assertEqual(container["command"], ["app", "migrate"])
        # The migration's role does not reach the master secret.
        master = world.outputs("shop-database")["MasterSecretArn"]
        for role in [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("shop")]:
            trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
            if "Federated" in trust["Principal"]:
                claims = trust["Condition"]["StringEquals"]
                self.assertEqual(claims["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com")
                subjects = claims["token.actions.githubusercontent.com:sub"]
                forms = {one.split(":")[1] for one in subjects}
                self.assertEqual(forms, {"acme/shop", "acme@1001/shop@2002"})
                self.assertFalse([one for one in subjects if "*" in one])
            else:
                self.assertEqual(trust["Condition"]["StringEquals"], {"aws:SourceAccount": "000000000000"})
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                for statement in document["Statement"]:
                    actions = statement["Action"]
                    actions = [actions] if isinstance(actions, str) else actions
                    resources = json.dumps(statement["Resource"])
                    self.assertNotIn("*", "".join(actions))
                    self.assertNotIn("logs:CreateLogGroup", actions)
                    if {"iam:PassRole", "ecs:RunTask", "secretsmanager:GetSecretValue", "ecs:UpdateService"} & set(actions):
                        self.assertNotIn('"*"', resources, role)
                    if master in resources:
                        self.assertIn("DatabasesExecutionRole", role)
        [group] = world.client("elbv2").describe_target_groups()["TargetGroups"]
        self.assertLess(group["HealthCheckTimeoutSeconds"], group["HealthCheckIntervalSeconds"])
        attributes = world.client("elbv2").describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
        self.assertIn({"Key": "deregistration_delay.timeout_seconds", "Value": "10"}, attributes["Attributes"])
        self.assertEqual(
            world.service()["deploymentConfiguration"]["deploymentCircuitBreaker"], {"enable": True, "rollback": True}
        )
        self.assertNotIn("Default", yaml.load(
            (INFRA / "service.yaml").read_text(), Loader=loader())["Parameters"]["Image"])
        self.the_program_agrees()

    def the_program_agrees(self):
        program = os.environ.get("PROGRAM")
        if not program:
            self.skipTest("PROGRAM is not set: policies are not compared")
        world = self.world
        subprocess.run(["git", "init", "--quiet", "."], cwd=world.repository, check=True)

        def run(*arguments, stream="stdout"):
            done = subprocess.run(
                [program, *arguments], cwd=world.repository, env=world.environment, capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return getattr(done, stream)

        image = f"000000000000.dkr.ecr.{REGION}.amazonaws.com/shop-backend:none-yet"
        service, production = ["--service", "shop-web"], ["--github-environment", "production"]
        planning = ["--plan", "--github-environment", "plan", "--github-ref", "refs/heads/main"]
        iam = world.client("iam")
        for witness in (False, True):
            if witness:
                world.run("up", "--witness")
                file = world.repository / ".github/fargate-migrate.yml"
                file.write_text(file.read_text() + "witness: true\n")
            for role, policy, flags in [
                ("plan", "plan", ["--for", "migrate", *planning]),
                ("plan", "deploy-plan", ["--for", "deploy", *service, *planning]),
                ("build", "build", ["--for", "build", "--github-ref", "refs/heads/main"]),
                ("migrate", "migrate", ["--for", "migrate", "--image", image, *production]),
                ("admin", "run", ["--for", "run", *production]),
                ("deploy", "deploy", ["--for", "deploy", *service, "--image", image, *production]),
                ("rollback", "rollback", ["--for", "rollback", *service, *production]),
            ]:
                printed = json.loads(run(
                    "iam", "--format", "json", "--github-repository", "acme/shop", "--github-owner-id", "1001",
                    "--github-repository-id", "2002", *flags,
                ))
                self.assertEqual((printed["placeholders"], printed["notes"]), ([], []), (policy, witness))
                made = iam.get_role_policy(RoleName=f"shop-{role}", PolicyName=policy)["PolicyDocument"]
                for statement in printed["permissions"]["Statement"] + made["Statement"]:
                    if statement["Sid"] == "RolesOfTheTask":
                        statement["Resource"].sort()
                self.assertEqual(made, printed["permissions"], (policy, witness))
                trust = iam.get_role(RoleName=f"shop-{role}")["Role"]["AssumeRolePolicyDocument"]
                self.assertEqual(trust, printed["trust"], role)
        file.write_text(file.read_text().removesuffix("witness: true\n"))

        manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}'
        world.client("ecr").put_image(repositoryName="shop-backend", imageTag="one", imageManifest=manifest)
        image = image.replace("none-yet", "one")
        # MiniStack's tagging API does not know EC2: the ids instead of the names that the file has.
        made = world.outputs("shop-platform")
        network = ["--subnets", made["TaskSubnets"], "--security-groups", made["SecurityGroup"]]
        plan = json.loads(run(
            "migrate", "--plan", "--format", "json", "--database", "shop_test", "--image", image, *network
        ))
        self.assertEqual(plan["notes"], [], plan)
        sent = plan["databases"][0]["run_task"]["networkConfiguration"]["awsvpcConfiguration"]
        self.assertEqual(
            sent,
            {
                "subnets": world.outputs("shop-network")["PublicSubnets"].split(","),
                "securityGroups": [made["SecurityGroup"]],
                "assignPublicIp": "ENABLED",
            },
        )
        words = ["--task-definition", "shop-databases", *network, "--", "acme_prod", "beta"]
        self.assertIn("\n  command      acme_prod beta\n", run("run", "--plan", *words, stream="stderr"))

    def test_the_command_that_init_prints_makes_what_its_file_names(self):
        world = self.world
        for name in ("Dockerfile", "manage.py"):
            (world.repository / name).touch()

        subprocess.run(["git", "init", "--quiet", "."], cwd=world.repository, check=True)

        def run(*words):
            done = subprocess.run(
                words, cwd=world.repository, env=world.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout

        said = run(
            os.environ["PROGRAM"], "init", "--name", "shop", "--github", "acme/shop", "--network", "public",
            "--databases", "shop_prod,shop_test", "--action", "0" * 40,
        )
        file = world.repository / ".github/fargate-migrate.yml"
        written = file.read_text()
        up = next(line for line in said.splitlines() if line.startswith("  infra/up "))
        # The copy in the repository, and what gh would say of the repository.
        said = run(*shlex.split(up), *GITHUB[2:])
        self.assertIn("  .github/fargate-migrate.yml: unchanged\n", said)
        self.assertIn("the task shop-databases: shop_prod, shop_test", said)
        self.assertEqual(file.read_text(), written)
        self.assertIn("variable set MIGRATE_ROLE --repo acme/shop", world.variables.read_text())

    def test_what_the_stacks_make_is_written_down(self):
        """For a sandbox that has a Docker Engine, and finds a network by its names."""
        world = self.world
        databases = ["shop_prod", "shop_test", "shop_next"]
        world.run(
            "up", "--network", "nat", "--database", "--databases", ",".join(databases), "--command", "app,migrate", *GITHUB
        )
        made, ec2 = world.outputs("shop-platform"), world.client("ec2")
        definition = world.client("ecs").describe_task_definition(
            taskDefinition=made["TaskDefinitionFamily"], include=["TAGS"]
        )
        secret = world.outputs("shop-database")["SecretArn"]
        values = world.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        network = [(one["SubnetId"], one["Tags"]) for one in ec2.describe_subnets()["Subnets"] if one.get("Tags")]
        groups = ec2.describe_security_groups()["SecurityGroups"]
        network += [(one["GroupId"], one["Tags"]) for one in groups if one.get("Tags")]
        written = {
            "account": "000000000000",
            "region": REGION,
            "cluster": made["Cluster"],
            "log_group": made["LogGroup"],
            "repository": made["Repository"],
            "task_definition": definition["taskDefinition"] | {"tags": definition["tags"]},
            "secret_arn": secret,
            "secret": json.loads(values),
            "network": [
                {"id": name, "name": tag["Value"]} for name, tags in network for tag in tags if tag["Key"] == "Name"
            ],
            "databases": databases,
            "config": (world.repository / ".github/fargate-migrate.yml").read_text(),
        }
        pathlib.Path(os.environ["ACCOUNT"]).write_text(json.dumps(written, default=lambda one: one.timestamp()))

    def test_the_task_makes_databases_on_a_real_server(self):
        psql, server = os.environ.get("PSQL"), os.environ.get("POSTGRES")
        if not psql or not server:
            self.skipTest("PSQL and POSTGRES are not set")
        template = yaml.load((INFRA / "platform.yaml").read_text(), Loader=loader())
        container = template["Resources"]["DatabasesTaskDefinition"]["Properties"]["ContainerDefinitions"][0]

        def ask(address, sql):
            done = subprocess.run(
                [psql, "--no-psqlrc", "-At", "-d", address, "-c", sql], capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            return done.stdout.split()

        def make(password, *names):
            host = re.match(r"postgres(?:ql)?://[^@/]*@([^:/]+):(\d+)", server)
            environment = {one["Name"]: one["Value"] for one in container["Environment"] if "Name" in one} | {
                "PGSSLMODE": "prefer",
                "PATH": f"{pathlib.Path(psql).parent}:{os.environ['PATH']}",
                "PGHOST": host[1], "PGPORT": host[2],
                "PGUSER": "master_of_rds", "PGPASSWORD": "master's \"password\"",
                "MIGRATIONS_USER": "migrations", "MIGRATIONS_PASSWORD": password,
            }
            return subprocess.run([*container["EntryPoint"], *names], env=environment, capture_output=True, text=True)

        # What RDS's master user is: not a superuser.
        ask(server, "CREATE ROLE master_of_rds LOGIN CREATEROLE CREATEDB PASSWORD 'master''s \"password\"'")
        odd = 'od"d\' -name'
        for password, names in [("it's $1 \\ \"odd\"", ["shop_prod", odd]), ("another", ["shop_prod", odd, "shop_test"])]:
            done = make(password, *names)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            self.assertNotIn(password, done.stdout)
            self.assertIn("database shop_prod is there\n", done.stdout)
            there = ask(server, "SELECT datname || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE datname LIKE '%_prod'")
            self.assertEqual(there, ["shop_prod", "migrations"])
        self.assertEqual(ask(server, "SELECT count(*) FROM pg_database WHERE datname LIKE 'od%'"), ["1"])
        address = re.sub(r"//[^@]*@", "//migrations:another@", server)
        self.assertEqual(ask(re.sub(r"/[^/]*$", "/shop_test", address), "CREATE TABLE t (); SELECT 1")[-1], "1")
        done = make("another", "x" * 64)
        self.assertEqual((done.returncode, done.stderr), (2, "x" * 64 + " has more than 63 characters\n"))


def loader():
    """YAML with CloudFormation's short functions, as text."""
    class Loader(yaml.SafeLoader):
        pass

    def construct(one, _suffix, node):
        if isinstance(node, yaml.ScalarNode):
            return one.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return one.construct_sequence(node, deep=True)
        return one.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", construct)
    return Loader


if __name__ == "__main__":
    # A test takes a minute or two: what hangs says where, and ends.
    faulthandler.dump_traceback_later(1200, exit=True)
    unittest.main(argv=[sys.argv[0], *(f"Scripts.{name}" for name in sys.argv[1:])], verbosity=2)
