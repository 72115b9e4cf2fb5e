// The GraphQL operations. Their types are generated into gql/.

import { graphql } from "./gql";

/** The fields of a task that a row shows. */
export const ROW = graphql(`
  fragment Row on Task { __typename id version title completed }
`);

export const TASKS = graphql(`
  query Tasks($first: Int!, $after: String, $completed: Boolean) {
    viewer {
      id
      email
      tasks(first: $first, after: $after, filter: { completed: $completed }) {
        edges { __typename cursor node { ...Row } }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
`);

export const CHANGES = graphql(`
  subscription Changes {
    taskChanges { nodeId node { __typename ...Row } }
  }
`);

export const CREATE = graphql(`
  mutation Create($id: ID!, $title: String!) {
    done: createTask(input: { id: $id, title: $title }) {
      task { ...Row }
      userErrors { message }
    }
  }
`);

export const SET_COMPLETED = graphql(`
  mutation SetCompleted($id: ID!, $completed: Boolean!) {
    done: setTaskCompleted(input: { id: $id, completed: $completed }) {
      task { ...Row }
      userErrors { message }
    }
  }
`);

export const DELETE = graphql(`
  mutation Delete($id: ID!) {
    done: deleteTask(input: { id: $id }) { userErrors { message } }
  }
`);

export const SIGN_IN = graphql(`
  mutation SignIn($email: String!, $password: String!) {
    done: signIn(input: { email: $email, password: $password, delivery: HYBRID }) {
      tokens { accessToken }
      userErrors { message path }
    }
  }
`);

export const SIGN_UP = graphql(`
  mutation SignUp($email: String!, $password: String!, $timeZone: TimeZone) {
    done: signUp(input: { email: $email, password: $password, timeZone: $timeZone, delivery: HYBRID }) {
      tokens { accessToken }
      userErrors { message path }
    }
  }
`);

export const REQUEST_RESET = graphql(`
  mutation RequestReset($email: String!) {
    done: requestPasswordReset(input: { email: $email }) { userErrors { message path } }
  }
`);

export const RESET = graphql(`
  mutation Reset($token: String!, $newPassword: String!) {
    done: resetPassword(input: { token: $token, newPassword: $newPassword }) { userErrors { message path } }
  }
`);
